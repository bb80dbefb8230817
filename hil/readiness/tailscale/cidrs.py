"""Whether a cluster's own networks keep out of the addresses that a tailnet gives. Pure.

Where they do not, a pod and a node of the tailnet have the same address, and which of them answers is a matter of
routes and rules. headscale gives addresses from 100.64.0.1 on, which lies in CozyStack's default join network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

from hil.readiness.condition import Condition, Truth
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.sources import Networks
from hil.services.tailnet.ranges import TAILNET

NAME = "tailscale.cidrs"
SOURCE = "configuration"
# Of kube-ovn's join subnet; in CozyStack's Package cozystack-platform it is networking.joinCIDR.
_COZYSTACK_JOIN = "100.64.0.0/16"
_EXPECTED = "none within " + " or ".join(str(network) for network in TAILNET)


def cidrs(networks: Networks | Missing, since_ns: int) -> Condition:
    """The condition that no network of the cluster overlaps the tailnet's.

    Args:
        networks: the cluster's, by what they are for; or why they are not known.
        since_ns: from when on they are known, ns of the one clock.
    """
    unknown = Condition(NAME, Truth.UNKNOWN, _EXPECTED, "", SOURCE, None)
    if isinstance(networks, Missing):
        return replace(unknown, observed=networks.reason)
    if not networks:
        return replace(unknown, observed="no network of the cluster is known")
    try:
        clashes = list(_clashes(networks))
    except ValueError as error:
        return replace(unknown, observed=str(error))
    named = ", ".join(f"{name} {' '.join(given)}" for name, given in networks.items())
    truth = Truth.FALSE if clashes else Truth.TRUE
    return Condition(NAME, truth, _EXPECTED, "; ".join(clashes) or named, SOURCE, since_ns)


def _clashes(networks: Networks) -> Iterator[str]:
    for name, given in networks.items():
        for text in given:
            try:
                network = ip_network(text, strict=False)
            except ValueError:
                raise ValueError(f"{name}: {text[:60]!r} is not a network") from None
            for tailnet in TAILNET:
                if network.overlaps(tailnet):
                    default = ", CozyStack's default joinCIDR," if str(network) == _COZYSTACK_JOIN else ""
                    yield f"{name} {network}{default} overlaps {tailnet}"
