"""A wire of a boot ROM's port that is no wire: frames come from scapy and go to it, time is the event loop's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar, cast
from unittest.mock import patch

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet
from support.virtual_time import VirtualLoop

T = TypeVar("T")

MAC = "dc:a6:32:01:36:c2"
SERVER_MAC = "02:00:00:00:00:01"
ROUTER_MAC = "02:00:00:00:00:02"
EVERYBODY = "ff:ff:ff:ff:ff:ff"
Answers = Callable[[Packet], Iterable[Packet]]


def seconds() -> float:
    """Of the running loop."""
    return asyncio.get_running_loop().time()


def run_in_its_time(doing: Coroutine[Any, Any, T]) -> T:
    """Run it to its end on a loop of its own, whose time all deadlines are of."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = cast(VirtualLoop, runner.get_loop())
        with patch("hil.clock.now_ns", lambda: round(loop.seconds * 1_000_000_000)):
            return runner.run(doing)


class Wire:
    """What a port is plugged into, with somebody at its other end.

    Args:
        answers: what that one says to a frame; ARP for `neighbours` is answered already.
        neighbours: the MAC of each address there.
    """

    def __init__(self, answers: Answers = lambda _: (), neighbours: dict[str, str] | None = None) -> None:
        self.said: list[tuple[float, Packet]] = []
        """What the port has sent, and when."""
        self._answers = answers
        self._neighbours = neighbours or {}
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, frame: bytes) -> None:
        packet = Ether(frame)
        self.said.append((seconds(), packet))
        if ARP in packet and packet[ARP].op == 1:
            if (mac := self._neighbours.get(packet[ARP].pdst)) is not None:
                self.say(arp_answer(packet, mac))
            return
        for answer in self._answers(packet):
            self.say(answer)

    async def recv(self) -> bytes:
        return await self._frames.get()

    def say(self, packet: Packet) -> None:
        """To the port, now."""
        self._frames.put_nowait(bytes(packet))

    def say_later(self, after: float, packet: Packet) -> None:
        """To the port, seconds from now."""
        asyncio.get_running_loop().call_later(after, self.say, packet)


def arp_answer(question: Packet, mac: str) -> Packet:
    """Who has an address says so."""
    asked = question[ARP]
    said = ARP(op=2, hwsrc=mac, psrc=asked.pdst, hwdst=asked.hwsrc, pdst=asked.psrc)
    return Ether(src=mac, dst=asked.hwsrc) / said


def udp(source: str, port: int, to: str, to_port: int, data: bytes, *, mac: str = SERVER_MAC) -> Packet:
    """A datagram to the board."""
    head = Ether(src=mac, dst=MAC) / IP(src=source, dst=to) / UDP(sport=port, dport=to_port)
    return head / data
