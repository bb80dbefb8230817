"""Who else is on a segment's wire, as `hil.netboot.lan.ask_wire` finds out in its namespace; what of that is refused.

Two DHCP servers on one wire give boards now one's address and now the other's, and an address that two have is reached
now here and now there: neither bench is opened.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.keeper.starting import await_ready, past
from hil.netboot.lan.hosts import Host
from hil.netboot.place import SegmentPlace
from hil.netns.namespace import Namespace
from hil.netns.privileges import ASK_WIRE, confined

STREAM: Final = "ask-wire"
OWN_STREAM: Final = "ask-own"
"""The keeper's names for the processes that ask: the wire, and the host's own servers."""

_SCRIPT: Final = Path(__file__).with_name("ask_wire.py")
_LINE: Final = re.compile(rb"^(\{[^\n]*\})\n", re.MULTILINE)
_NO_ADDRESS: Final = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Server:
    """One that answered a DISCOVER.

    Args:
        address: its own.
        mac: where its answer came from.
        offer: the address that it offers; "0.0.0.0" for a boot server, which gives none.
        boot: the boot file that it names, or "".
    """

    address: str
    mac: str
    offer: str
    boot: str

    @property
    def gives_no_address(self) -> bool:
        """Whether it is a boot server alone (PXE 2.1, section 2.2.3)."""
        return self.offer == _NO_ADDRESS

    def __str__(self) -> str:
        offers = "no address" if self.gives_no_address else self.offer
        boots = f" and the boot file {self.boot}" if self.boot else ""
        return f"{self.address} ({self.mac}), which offers {offers}{boots}"


@dataclass(frozen=True, slots=True)
class Wire:
    """What was heard on one.

    Args:
        servers: who answered.
        claims: who has which of the addresses that were looked for: (address, MAC address).
        link: whether anything is plugged in.
    """

    servers: tuple[Server, ...]
    claims: tuple[tuple[str, str], ...]
    link: bool


def need_scapy() -> None:
    """See that scapy is there, by which a wire is asked; without loading it, which takes 0.3 s.

    Raises:
        InfrastructureError: it is not installed.
    """
    if find_spec("scapy") is None:
        raise InfrastructureError(
            "a network port's wire is asked for other DHCP servers by the package scapy, which is not installed",
            hint="pip install 'hil[bench]'",
        )


def ask(
    place: SegmentPlace,
    net: Namespace,
    interface: str,
    addresses: Sequence[str],
    *,
    others: Sequence[str],
    listen: float,
    link: float,
    deadline: Deadline,
) -> Wire:
    """Ask on an interface of a namespace.

    Args:
        place: what the bench gives the segment.
        net: the namespace.
        interface: in it.
        addresses: those that the bench is to have.
        others: those that its machines are to have.
        listen: s after which nobody is taken to answer any more.
        link: s in which its link may still come up, before anything is asked.
        deadline: for all of it; starting takes 0.5 s besides.

    Raises:
        InfrastructureError: it cannot be asked.
    """
    clients = list(place.nodes.values())
    order = {"interface": interface, "seconds": listen, "addresses": list(addresses), "others": list(others)}
    return _asked(place, STREAM, net.inside(_argv({**order, "clients": clients, "link": link})), deadline)


def ask_own(place: SegmentPlace, port: str, *, listen: float, deadline: Deadline) -> Wire:
    """Ask this host's own servers on one of its ports, which is up; see `ask`."""
    order = {"interface": port, "seconds": listen, "clients": list(place.nodes.values())}
    return _asked(place, OWN_STREAM, _argv(order), deadline)


def _argv(order: dict[str, object]) -> list[str]:
    return confined([sys.executable, "-I", str(_SCRIPT), json.dumps(order)], ASK_WIRE)


def _asked(place: SegmentPlace, stream: str, argv: Sequence[str], deadline: Deadline) -> Wire:
    since = past(place.keeper, stream)
    place.keeper.spawn(stream, argv, record=place.record / stream, kill=True)
    found = await_ready(
        place.keeper,
        stream,
        _LINE.search,
        what="what asks the wire for other servers",
        hint="report this with the lines above",
        since=since,
        deadline=deadline,
    )
    return parse(found[1])


def parse(line: bytes) -> Wire:
    """The script's line.

    Raises:
        InfrastructureError: it could not ask.
    """
    said = json.loads(line)
    if "error" in said:
        raise InfrastructureError(
            f"the wire cannot be asked for other DHCP servers: {said['error']}",
            hint="see that the port still exists, and that no firewall of this host keeps its DHCP requests back",
        )
    servers = tuple(Server(each["server"], each["mac"], each["offer"], each["boot"]) for each in said["servers"])
    return Wire(servers, tuple((each["address"], each["mac"]) for each in said["claims"]), bool(said["link"]))


def refuse_claims(wire: Wire, port: str, hosts: Sequence[Host]) -> None:
    """Refuse a wire on which another has one of the bench's addresses, or of its machines'.

    Args:
        wire: what was heard.
        port: as the rig names it.
        hosts: the machines. One that is on has an address of theirs, which may be another's by now.

    Raises:
        InfrastructureError: there is one.
    """
    names, ours = {host.address: host.name for host in hosts}, {host.mac for host in hosts}
    for address, mac in wire.claims:
        if address not in names:
            raise InfrastructureError(
                f"{address}, which is to be the bench's on {port}, is taken: {mac} answers for it",
                hint="give `bench:` (or the entry of `egress`) an address of the subnet that is free, and that no DHCP"
                " server gives out",
            )
        if mac not in ours:
            raise InfrastructureError(
                f"{address}, which is node {names[address]}'s on {port}, is taken: {mac} answers for it, which is no"
                " node of the rig",
                hint="with `dhcp: proxy`, see in that network's DHCP server which address it gives to the node, and"
                " write that in `addresses:`; else give the segment another `subnet:`, or that machine another one",
            )


def refuse_servers(wire: Wire, port: str) -> None:
    """Refuse a wire that another serves, where the bench is to.

    Args:
        wire: what was heard.
        port: as the rig names it.

    Raises:
        InfrastructureError: there is one.
    """
    for server in wire.servers:
        if server.gives_no_address:
            raise _another_boots(server, port)
        raise InfrastructureError(
            f"another DHCP server answers on {port}: {server}; a board would take now its answer, now the bench's",
            hint="say `dhcp: proxy` in the rig's segment, with the subnet of that network; or give the boards a switch"
            " or a `vlan:` of their own",
        )


def refuse_unserved(wire: Wire, port: str, network: IPv4Network, listen: float, *, silent: str = "") -> None:
    """Refuse a wire on which nobody gives addresses of the subnet, or others than the bench give boot files.

    Args:
        wire: what was heard.
        port: as the rig names it.
        network: the rig's subnet.
        listen: s that were waited.
        silent: who of this host listens for DHCP clients, and did not answer; "" for nobody.

    Raises:
        InfrastructureError: so it is.
    """
    for server in wire.servers:
        if server.gives_no_address:
            raise _another_boots(server, port)
    if not wire.servers:
        plugged = "" if wire.link else ", where nothing is plugged in"
        asked = f", nor does {silent} of this host, which listens there or on another port" if silent else ""
        raise InfrastructureError(
            f"no DHCP server answers on {port}{plugged} within {listen:g} s{asked}; and with `dhcp: proxy` the bench"
            " gives no addresses",
            hint="say `dhcp: serve` in the rig's segment; or see that the port is on that network. A dnsmasq may take"
            " 3 s to answer; and a switch that has just seen the port may hold it back for 30 s (spanning tree): then"
            " set `listen: 45s`",
        )
    if not any(_within(server.offer, network) for server in wire.servers):
        raise InfrastructureError(
            f"the DHCP server on {port} is {wire.servers[0]}, and that is outside the rig's subnet {network}",
            hint="write the `subnet:` of that network in the rig's segment, and a free address of it as `bench:`",
        )


def _another_boots(server: Server, port: str) -> InfrastructureError:
    return InfrastructureError(
        f"another boot server answers on {port}: {server}; a board would boot now from it, now from the bench",
        hint="switch it off while the bench is open, or give the boards a switch or a `vlan:` of their own",
    )


def _within(address: str, network: IPv4Network) -> bool:
    try:
        return IPv4Address(address) in network
    except AddressValueError:
        return False
