"""The networks that a machine configuration names, and which of them cannot be together. Asks no network.

Talos looks at none of this, and a clash shows late: a pod that another node of the tailnet answers for, or a
container of Tailscale that goes up and down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import combinations
from typing import Final

from hil.config.source import Place
from hil.config.tree import quoted
from hil.lint.documents import EXTENSION_SERVICE, MAIN, Document, texts
from hil.lint.finding import Finding, Severity
from hil.services.tailnet.ranges import TAILNET, Network

TAILSCALE: Final = "tailscale"

_CLUSTER: Final = {"podSubnets": "pods", "serviceSubnets": "services"}
_ADVERTISED: Final = re.compile(r"--?advertise-routes(?:=|\s+)(\S*)")

_NETWORK_LIKE: Final = re.compile(r"[0-9a-fA-F.:/]{1,60}")  # anything else may be a key that went astray


@dataclass(frozen=True, slots=True)
class _Named:
    """A network of the configuration.

    Args:
        of: whose it is, in the words of a message.
        network: the network, its host bits cut.
        place: where it is named.
        words: what may be shown of that place.
    """

    of: str
    network: Network
    place: Place
    words: str


def check(documents: Sequence[Document]) -> Iterator[Finding]:
    """Networks that are none, and those that clash."""
    cluster: list[_Named] = []
    routes: list[_Named] = []
    for document in documents:
        if document.kind == MAIN:
            yield from _cluster_networks(document, cluster)
        elif document.kind == EXTENSION_SERVICE and document.name == TAILSCALE:
            yield from _advertised(document, routes)
    in_tailnet = any(document.kind == EXTENSION_SERVICE and document.name == TAILSCALE for document in documents)
    yield from _against_tailnet([*cluster, *routes], in_tailnet=in_tailnet)
    yield from _against_each_other(cluster)
    yield from _routes_over_cluster(routes, cluster)


def _cluster_networks(document: Document, found: list[_Named]) -> Iterator[Finding]:
    for key, of in _CLUSTER.items():
        entry = document.at("cluster", "network", key)
        for text, place in texts(entry.node) if entry is not None else ():
            try:
                found.append(_Named(of, ip_network(text, strict=False), place, text))
            except ValueError:
                message = f"{quoted(text)} is not a network"
                yield Finding(Severity.ERROR, "subnet", place, message, "as 10.244.0.0/16", text[:60])


def _advertised(document: Document, found: list[_Named]) -> Iterator[Finding]:
    """The routes that Tailscale's container is to advertise (tailscale, cmd/containerboot: TS_ROUTES becomes
    --advertise-routes, TS_EXTRA_ARGS follows it)."""
    entry = document.at("environment")
    for text, place in texts(entry.node) if entry is not None else ():
        name, _, value = text.partition("=")
        lists = [value] if name == "TS_ROUTES" else _ADVERTISED.findall(value) if name == "TS_EXTRA_ARGS" else []
        for route in (route.strip() for routes in lists for route in routes.split(",")):
            if not route:
                continue
            words = f"{name}=..."
            try:
                network = ip_network(route, strict=False)
            except ValueError:
                shown = quoted(route) if _NETWORK_LIKE.fullmatch(route) else "one entry"
                message = f"{shown} is not a route, so Tailscale does not start"
                yield Finding(Severity.ERROR, "advertised-route", place, message, "as 192.168.7.0/24", words)
                continue
            if _has_host_bits(route):
                # tailscale up refuses it (tailscale, net/netutil: CalcAdvertiseRoutes).
                message = f"{route} has host bits, so Tailscale does not start"
                yield Finding(Severity.ERROR, "advertised-route", place, message, f"write {network}", words)
            found.append(_Named(f"the route {network}", network, place, words))


def _has_host_bits(route: str) -> bool:
    try:
        ip_network(route)
    except ValueError:
        return True
    return False


def _against_tailnet(named: Sequence[_Named], *, in_tailnet: bool) -> Iterator[Finding]:
    for one in named:
        for tailnet in TAILNET:
            if one.network.prefixlen == 0 or not one.network.overlaps(tailnet):
                continue
            message = f"{one.network} ({one.of}) overlaps {tailnet}, where Tailscale's addresses are"
            if in_tailnet:
                yield Finding(Severity.ERROR, "tailnet", one.place, message, "take another network", one.words)
            else:
                hint = "this file has no ExtensionServiceConfig of tailscale; with one it would be an error"
                yield Finding(Severity.WARNING, "tailnet", one.place, message, hint, one.words)


def _against_each_other(cluster: Sequence[_Named]) -> Iterator[Finding]:
    for one, other in combinations(cluster, 2):
        if one.network.overlaps(other.network):
            message = f"{other.network} ({other.of}) overlaps {one.network} ({one.of}) in line {one.place.line}"
            yield Finding(Severity.ERROR, "subnet", other.place, message, "take another network", other.words)


def _routes_over_cluster(routes: Sequence[_Named], cluster: Sequence[_Named]) -> Iterator[Finding]:
    """Advertised routes that take in the cluster's own networks. A route within one is how it is made reachable."""
    for route in routes:
        for one in cluster:
            if route.network.prefixlen == 0 or not route.network.overlaps(one.network):
                continue  # 0.0.0.0/0 and ::/0 offer an exit node, and are no route to the cluster
            message = f"{route.of} overlaps {one.network} ({one.of}) in line {one.place.line}"
            if route.network.prefixlen < one.network.prefixlen:
                hint = "nodes that accept it lose their own; advertise smaller networks"
                yield Finding(Severity.WARNING, "advertised-route", route.place, message, hint, route.words)
            else:
                hint = "meant to reach them over the tailnet? then no node of this cluster may accept routes"
                yield Finding(Severity.NOTE, "advertised-route", route.place, message, hint, route.words)
