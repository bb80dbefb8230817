"""A board's network port: ARP, IPv4 and UDP for one program that waits for one thing at a time.

No fragments, no ICMP, no TCP: a boot ROM has none (raspberrypi/documentation, boot-net.adoc, names what it has).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from socket import inet_aton, inet_ntoa
from typing import Final, Protocol

from hil.clock import Deadline
from hil.sim.rom import frames
from hil.sim.rom.frames import Arp, Ethernet, Udp
from hil.sim.rom.listener import Listener
from hil.sim.rom.pace import Pace

EVERYBODY: Final = "255.255.255.255"
_NOBODY: Final = "0.0.0.0"
_ARP_SECONDS: Final = 1.0
_ARP_TRIES: Final = 4
"""How often it asks for a MAC, and how long each time: of neither is anything documented."""
_FIRST_PORT: Final = 49152
"""Where its TFTP starts (boot-net.adoc, "192.168.1.139.49152"), one further each time (raspberrypi/firmware #1700)."""
_PORTS: Final = 16384


@dataclass(frozen=True, slots=True)
class Habits:
    """What differs between boards' network code. Source: boot-net.adoc, "Known problems".

    Args:
        checked: its datagrams have a checksum.
        answers_in_transfer: it answers ARP after its first file has begun.
        routes: it reaches servers beyond its own network.
    """

    checked: bool
    answers_in_transfer: bool
    routes: bool


BCM2711: Final = Habits(True, True, True)
"""Raspberry Pi 4 and Compute Module 4: its bootloader in the EEPROM."""
BCM2837: Final = Habits(False, False, False)
"""Raspberry Pi 3 and Compute Module 3: its boot ROM."""
BCM2837B0: Final = Habits(False, True, True)
"""Raspberry Pi 3+ and Compute Module 3+: the same with most faults mended."""


class Wire(Protocol):
    """What a port is plugged into."""

    def send(self, frame: bytes) -> None:
        """Put an Ethernet frame on it, without its check sequence; never waits."""

    async def recv(self) -> bytes:
        """The next frame from it."""


class Unreachable(Exception):
    """Nobody answers ARP for an address, or there is no way to it."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One that came in.

    Args:
        mac: of who sent the frame.
        source: its IP address, dotted.
        port: that it was sent from.
        data: what is in it.
    """

    mac: str
    source: str
    port: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """A port's own.

    Args:
        ip: dotted.
        netmask: dotted.
        gateway: dotted; None where there is none.
    """

    ip: str
    netmask: str
    gateway: str | None = None

    def near(self, ip: str) -> bool:
        """Whether an address is on its own network."""
        mask = int.from_bytes(inet_aton(self.netmask), "big")
        return (_number(self.ip) ^ _number(ip)) & mask == 0


class Port(Listener):
    """The port, between `async with` and its end.

    Args:
        wire: what it is plugged into.
        mac: its own, with colons.
        pace: of the board.
        habits: of its network code.
    """

    def __init__(self, wire: Wire, mac: str, pace: Pace, habits: Habits = BCM2711) -> None:
        super().__init__()
        self.mac = mac
        self.pace = pace
        self.address: Address | None = None
        """Its own; None as long as it has none, and then it sends as 0.0.0.0."""
        self.transferring = False
        """Whether it has begun with files."""
        self._wire = wire
        self._own = bytes.fromhex(mac.replace(":", ""))
        self._habits = habits
        self._sockets: dict[int, Socket] = {}
        self._neighbours: dict[str, bytes] = {}
        self._told = asyncio.Event()
        self._next = 0

    def begin(self, address: Address | None = None) -> None:
        """Begin anew, with this address: what it knew of others it knows no longer, as after each reset of the port
        (a bootloader says GENET: RESET_PHY at each try)."""
        self.address = address
        self._neighbours.clear()

    @asynccontextmanager
    async def bound(self, number: int) -> AsyncIterator[Socket]:
        """A socket at a UDP port."""
        self._sockets[number] = socket = Socket(self, number)
        try:
            yield socket
        finally:
            del self._sockets[number]

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Socket]:
        """A socket at a UDP port that was not used just before."""
        number = _FIRST_PORT + self._next
        self._next = (self._next + 1) % _PORTS
        async with self.bound(number) as socket:
            yield socket

    async def resolve(self, ip: str) -> str:
        """The MAC of an address, or of the gateway to it; asked for once.

        Raises:
            Unreachable: nobody answers, or no gateway leads there.
        """
        hop = self._hop(ip)
        for _ in range(_ARP_TRIES):
            if hop in self._neighbours:
                return _mac(self._neighbours[hop])
            self._ask(hop)
            await self._answered(hop, self.pace.patience(_ARP_SECONDS))
        if hop in self._neighbours:
            return _mac(self._neighbours[hop])
        raise Unreachable(f"nobody answers ARP for {hop}")

    def send(self, source_port: int, data: bytes, to: str, port: int) -> None:
        """Send a datagram, to all or to an address that was resolved; a socket's way out."""
        mac = frames.BROADCAST if to == EVERYBODY else self._neighbours[self._hop(to)]
        own = self.address.ip if self.address else _NOBODY
        datagram = Udp(inet_aton(own), source_port, inet_aton(to), port, data)
        packet = frames.udp(datagram, checked=self._habits.checked)
        self._wire.send(frames.ethernet(Ethernet(mac, self._own, frames.IPV4, packet)))

    def _hop(self, ip: str) -> str:
        """Whose MAC leads to an address."""
        address = self.address
        if address is None or address.near(ip) or not self._habits.routes:
            return ip
        if address.gateway is None:
            raise Unreachable(f"{ip} is beyond {address.ip} {address.netmask}, and there is no gateway")
        return address.gateway

    def _ask(self, ip: str) -> None:
        own = inet_aton(self.address.ip if self.address else _NOBODY)
        question = Arp(frames.REQUEST, self._own, own, bytes(6), inet_aton(ip))
        self._wire.send(frames.ethernet(Ethernet(frames.BROADCAST, self._own, frames.ARP, frames.arp(question))))

    async def _answered(self, ip: str, deadline: Deadline) -> None:
        while ip not in self._neighbours and not deadline.expired:
            self._told.clear()
            try:
                await asyncio.wait_for(self._told.wait(), deadline.remaining())
            except TimeoutError:
                return

    async def _listen(self) -> None:
        while True:
            frame = frames.parse_ethernet(await self._wire.recv())
            if frame is None or frame.destination not in (self._own, frames.BROADCAST):
                continue
            if frame.kind == frames.ARP:
                self._heard_arp(frames.parse_arp(frame.payload))
            elif frame.kind == frames.IPV4:
                self._heard_udp(frame.source, frames.parse_udp(frame.payload))

    def _heard_arp(self, message: Arp | None) -> None:
        """RFC 826: who asks for this address, or answers, is known from then on."""
        if message is None or self.address is None or message.target_ip != inet_aton(self.address.ip):
            return
        self._neighbours[inet_ntoa(message.sender_ip)] = message.sender_mac
        self._told.set()
        if message.operation == frames.REQUEST and (self._habits.answers_in_transfer or not self.transferring):
            answer = Arp(frames.REPLY, self._own, message.target_ip, message.sender_mac, message.sender_ip)
            frame = Ethernet(message.sender_mac, self._own, frames.ARP, frames.arp(answer))
            self._wire.send(frames.ethernet(frame))

    def _heard_udp(self, mac: bytes, datagram: Udp | None) -> None:
        if datagram is None or datagram.destination_port not in self._sockets:
            return
        # A DHCP server may write to the address that it offers (RFC 2131, section 4.1).
        to = inet_ntoa(datagram.destination)
        if self.address is None or to in (self.address.ip, EVERYBODY):
            heard = Datagram(_mac(mac), inet_ntoa(datagram.source), datagram.source_port, datagram.data)
            self._sockets[datagram.destination_port].heard.put_nowait(heard)


class Socket:
    """A UDP port of a board; made by `Port.bound`.

    Args:
        port: of the board.
        number: of the UDP port.
    """

    def __init__(self, port: Port, number: int) -> None:
        self.heard: asyncio.Queue[Datagram] = asyncio.Queue()
        self._port = port
        self._number = number

    def send(self, data: bytes, to: str, port: int) -> None:
        """Send to an address that `Port.resolve` knows, or to everybody."""
        self._port.send(self._number, data, to, port)

    async def recv(self, deadline: Deadline) -> Datagram | None:
        """The next that came; None when none does by then."""
        if not self.heard.empty():
            return self.heard.get_nowait()
        try:
            return await asyncio.wait_for(self.heard.get(), deadline.remaining())
        except TimeoutError:
            return None


def _number(ip: str) -> int:
    return int.from_bytes(inet_aton(ip), "big")


def _mac(data: bytes) -> str:
    return data.hex(":")
