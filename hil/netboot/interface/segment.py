"""Opens a segment on a network port: a share of it in a namespace, a look at who else is there, dnsmasq."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.errors import UsageError
from hil.netboot.interface.config import Config
from hil.netboot.interface.own_host import OwnHost, facts_of, look, refuse_addresses, refuse_answers, refuse_bound
from hil.netboot.interface.refusal import not_shared
from hil.netboot.ipxe import autoexec, autoexec_by_dhcp
from hil.netboot.lan import dnsmasq as serving
from hil.netboot.lan import proxy
from hil.netboot.lan.hosts import Host, hosts_of
from hil.netboot.lan.opening import (
    BRIDGE,
    STARTS_WITHIN,
    addresses_of,
    bridge_plan,
    fill_tftp,
    hold_net,
    refuse_bridge,
    start_dnsmasq,
)
from hil.netboot.lan.segment import LanSegment
from hil.netboot.lan.wire import (
    Server,
    Wire,
    ask,
    ask_own,
    need_scapy,
    refuse_claims,
    refuse_servers,
    refuse_unserved,
)
from hil.netboot.place import SegmentPlace
from hil.netns.namespace import Namespace, Plan, Refused
from hil.netns.namespace import Wire as Share
from hil.tools import dnsmasq

INTERFACE: Final = "lan0"
"""The share of a port, as the namespace calls it."""

# IEEE 802.3, clause 40: two ends of a cable agree in a few seconds; what is asked before reaches nobody.
_LINK_WITHIN: Final = 6.0


def create(config: Config, place: SegmentPlace) -> LanSegment:
    """The segment, with its dnsmasq running.

    Args:
        config: the rig's section.
        place: what the bench gives it.

    Raises:
        InfrastructureError: this host refuses what it needs, the wire has another DHCP server (or none, beside which
            the bench was to be), dnsmasq is missing or does not start, or the folder cannot be written.
        UsageError: it has too few addresses for the rig's nodes, or names a node that is not there.
    """
    program, hosts = dnsmasq.find(), _hosts(config, place.nodes)
    own = _own_host(config)
    deadline = Deadline.after(STARTS_WITHIN + _LINK_WITHIN + 2 * config.listen)
    interface = INTERFACE if config.on_a_port else BRIDGE
    net, facts = _namespace(config, hosts, place, deadline), {}
    if config.on_a_port:
        facts = _asked(config, hosts, own, net, place, deadline)
    script = autoexec_by_dhcp() if config.dhcp == "serve" else autoexec(config.bench)
    text = _configuration(config, hosts, interface, fill_tftp(place, script), place)
    start_dnsmasq(place, net, program, text, deadline=deadline)
    return LanSegment(config, net, {host.name: host for host in hosts}, interface, facts=facts)


def _hosts(config: Config, nodes: Mapping[str, str]) -> tuple[Host, ...]:
    for name in config.addresses:
        if name not in nodes:
            raise UsageError(
                f"the segment's `addresses:` names {name}, which is no node of the rig",
                hint=f"its nodes are: {', '.join(nodes)}",
            )
    hosts = hosts_of(config, nodes, taps=not config.on_a_port)
    if config.dhcp == "serve":
        return hosts
    return tuple(replace(host, address=config.addresses.get(host.name, "")) for host in hosts)


def _namespace(config: Config, hosts: tuple[Host, ...], place: SegmentPlace, deadline: Deadline) -> Namespace:
    plan = bridge_plan(config, hosts)
    if config.on_a_port:
        plan = Plan(addresses_of(config), root=True, wire=Share(config.nic, config.vlan or 0, INTERFACE))
    net = hold_net(place, plan, deadline=deadline)
    if isinstance(net, Refused):
        raise not_shared(net) if config.on_a_port else refuse_bridge(net, config.nic)
    return net


def _own_host(config: Config) -> OwnHost:
    """What this host itself has there, looked at before anything is made."""
    if not config.on_a_port:
        return OwnHost()
    need_scapy()
    if config.vlan is not None:
        return OwnHost()
    refuse_addresses(config.taken, config.port)
    own = look(config.nic)
    if config.dhcp == "serve":
        refuse_bound(own, config.port)
    return own


def _asked(
    config: Config, hosts: tuple[Host, ...], own: OwnHost, net: Namespace, place: SegmentPlace, deadline: Deadline
) -> dict[str, str]:
    """Refuse the wire for whoever else is on it; or what is to be known of it, in words, for the records."""
    mine: tuple[Server, ...] = ()
    if own.to_be_asked:
        mine = ask_own(place, config.nic, listen=config.listen, deadline=deadline).servers
        if config.dhcp == "serve":
            refuse_answers(own, mine, config.port)
    addresses, others = [str(address) for address in config.taken], [host.address for host in hosts if host.address]
    link = _LINK_WITHIN if net.notes else 0
    wire = ask(place, net, INTERFACE, addresses, others=others, listen=config.listen, link=link, deadline=deadline)
    refuse_claims(wire, config.port, hosts)
    if config.dhcp == "serve":
        refuse_servers(wire, config.port)
    else:
        wire = replace(wire, servers=(*mine, *wire.servers))
        silent = str(own) if own.listeners else ""
        refuse_unserved(wire, config.port, config.network, config.listen, silent=silent)
    return _facts(config, net, wire) | facts_of(own, mine, config.port)


def _facts(config: Config, net: Namespace, wire: Wire) -> dict[str, str]:
    facts = {"network port": config.port, "its link": "up" if wire.link else "down"}
    if wire.servers:
        facts["its DHCP server"] = str(wire.servers[0])
    if net.notes:
        facts["changed on this host"] = "; ".join(net.notes)
    return facts


def _configuration(config: Config, hosts: tuple[Host, ...], interface: str, tftp: Path, place: SegmentPlace) -> str:
    trees = place.trees.values()
    if config.dhcp == "serve":
        return serving.configuration(config, hosts, interface=interface, tftp=tftp, trees=trees)
    return proxy.configuration(config, hosts, interface=interface, tftp=tftp, trees=trees)
