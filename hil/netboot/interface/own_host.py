"""What this host itself has on the port that it shares: DHCP servers, and addresses. Sends nothing.

A macvlan and its host do not hear each other (ip-link(8)), so nobody who asks the wire learns of either; boards hear
both. Of a VLAN that is the bench's alone the host hears nothing: it is not looked at.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from hil.errors import InfrastructureError
from hil.netboot.interface.listeners import (
    DHCP_PORT,
    Process,
    UdpSocket,
    owners,
    parse_packet_sockets,
    udp_sockets,
)
from hil.netboot.lan.wire import Server

_UNSEEN: Final = "a program that is not seen from here"
# net/ipv4/fib_trie.c, fib_trie_seq_show: an address of the host is a route of type LOCAL to it alone.
_OWN_ADDRESS: Final = re.compile(rb"\|-- ([0-9.]{7,15})\n\s*/32 host LOCAL$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Listener:
    """A program of this host that hears DHCP clients.

    Args:
        who: it, for messages.
        bound: whether it hears those of the port for certain; else it may, and one has to ask.
    """

    who: str
    bound: bool


@dataclass(frozen=True, slots=True)
class OwnHost:
    """What was seen.

    Args:
        listeners: which programs may hear the port's DHCP clients.
        told: whether the kernel told of them at all.
    """

    listeners: tuple[Listener, ...] = ()
    told: bool = True

    @property
    def to_be_asked(self) -> bool:
        """Whether one of them may answer a client."""
        return bool(self.listeners) or not self.told

    def __str__(self) -> str:
        return ", ".join(dict.fromkeys(each.who for each in self.listeners)) or _UNSEEN


def look(port: str) -> OwnHost:
    """Who of this host may hear DHCP clients on a port; nobody where there is no such port.

    Args:
        port: as `ip link` shows it.
    """
    try:
        device = socket.if_nametoindex(port)
    except OSError:
        return OwnHost()  # the kernel refuses to share it, and says why
    try:
        sockets = udp_sockets(DHCP_PORT)
        packets = parse_packet_sockets(Path("/proc/net/packet").read_bytes()) if sockets else {}
    except OSError:
        return OwnHost(told=False)
    return OwnHost(listeners_of(device, sockets, packets, owners({each.inode for each in sockets})))


def listeners_of(
    device: int,
    sockets: Iterable[UdpSocket],
    packets: Mapping[int, int],
    whose: Mapping[int, tuple[Process, Collection[int]]],
) -> tuple[Listener, ...]:
    """Which of the sockets may hear what comes from a device.

    One that is bound to another device does not. One without a device may: dnsmasq by its own settings hears all ports
    and answers on some (dnsmasq(8), --bind-interfaces); ISC's server hears by packet sockets, a device each.

    Args:
        device: the port's number.
        sockets: those at DHCP's port.
        packets: see `hil.netboot.interface.listeners.parse_packet_sockets`.
        whose: see `hil.netboot.interface.listeners.owners`.
    """
    found = []
    for each in sockets:
        if each.device not in (0, device):
            continue
        process, held = whose.get(each.inode, (_UNSEEN, ()))
        hears = each.device == device or any(packets.get(inode) == device for inode in held)
        found.append(Listener(str(process), hears))
    return tuple(found)


def refuse_addresses(taken: Iterable[IPv4Address], port: str) -> None:
    """Refuse addresses for the bench that this host has, as it answers for all of them on each port (arp(7)).

    Args:
        taken: those of the bench.
        port: as the rig names it.

    Raises:
        InfrastructureError: it has one.
    """
    try:
        own = parse_addresses(Path("/proc/net/fib_trie").read_bytes())
    except OSError:
        return
    for address in taken:
        if str(address) in own:
            raise InfrastructureError(
                f"{address}, which is to be the bench's on {port}, is an address of this host itself",
                hint="give `bench:` (or the entry of `egress`) an address of the subnet that nobody has, this host"
                " neither: the bench is one more machine on that wire",
            )


def parse_addresses(table: bytes) -> frozenset[str]:
    """The addresses of IPv4 that this host has, of the text of /proc/net/fib_trie."""
    return frozenset(found.decode() for found in _OWN_ADDRESS.findall(table))


def refuse_bound(own: OwnHost, port: str) -> None:
    """Refuse a port on which this host itself hears DHCP clients for certain.

    Raises:
        InfrastructureError: it does.
    """
    for each in own.listeners:
        if each.bound:
            raise InfrastructureError(
                f"this host itself serves DHCP on {port}: {each.who} listens there; a board would take now its answer,"
                " now the bench's",
                hint=_leave(port),
            )


def refuse_answers(own: OwnHost, servers: Iterable[Server], port: str) -> None:
    """Refuse a port on which this host itself answers DHCP clients.

    Args:
        own: who may have.
        servers: those of this host that answered there.
        port: as the rig names it.

    Raises:
        InfrastructureError: one has.
    """
    for server in servers:
        raise InfrastructureError(
            f"this host itself serves DHCP on {port}: {own} answers there, as {server}; a board would take now its"
            " answer, now the bench's",
            hint=_leave(port),
        )


def facts_of(own: OwnHost, servers: Collection[Server], port: str) -> dict[str, str]:
    """What is to be known of it, in words, for the records."""
    if servers:
        return {"this host's own DHCP server": f"{own} answers on {port}"}
    if own.listeners:
        return {"this host's own DHCP server": f"{own} listens at port {DHCP_PORT}, but did not answer on {port}"}
    return {}


def _leave(port: str) -> str:
    return (
        f"stop it, or have it leave {port} alone (dnsmasq: `except-interface={port}`); or say `dhcp: proxy` in the"
        " rig's segment, with the subnet of that network"
    )
