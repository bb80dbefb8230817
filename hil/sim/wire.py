"""One direction of a serial line: bytes go in at a transmitter's speed and come out as a receiver hears them.

The pace is that of the wire, or none. Nothing waits: what a wire cannot carry in time is lost, and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from hil.sim.uart import BREAK, flipped, received

_TICK: Final = 0.01
_BITS: Final = 10
_QUEUE: Final = 1 << 20
NOISE: Final = 0.002
"""The share of bits that noise flips: about one byte in sixty, so that words are still to be recognised."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of a wire as they are now; asked at each run of bytes.

    Args:
        sent: the transmitter's speed, bits per second.
        heard: the receiver's.
        noisy: whether the wire is.
    """

    sent: Callable[[], int]
    heard: Callable[[], int]
    noisy: Callable[[], bool]


class Wire:
    """A wire; of one event loop.

    Args:
        ends: what is at both.
        deliver: gets what was heard.
        random: of its noise.
        speed: 1 for as fast as the wire is, 2 for twice that, 0 for at once.
    """

    def __init__(self, ends: Ends, deliver: Callable[[bytes], None], random: Random, speed: float) -> None:
        self.lost = 0
        """Bytes that came in faster than the wire could carry for so long that nothing held them."""
        self._ends = ends
        self._deliver = deliver
        self._random = random
        self._speed = speed
        self._queue = bytearray()
        self._credit = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def send(self, data: bytes) -> None:
        """Put bytes on the wire."""
        if not self._speed:
            self._arrive(data)
            return
        room = _QUEUE - len(self._queue)
        self._queue += data[:room]
        self.lost += max(0, len(data) - room)
        if self._timer is None:
            self._credit = 0.0
            self._tick_later()

    def send_break(self) -> None:
        """Hold the line down for longer than a byte."""
        self._deliver(BREAK)

    def clear(self) -> None:
        """The transmitter has lost its power: what it had not sent yet is gone."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._credit += self._ends.sent() * self._speed / _BITS * _TICK
        count = int(self._credit)
        self._credit -= count
        data = bytes(self._queue[:count])
        del self._queue[:count]
        if self._queue:
            self._tick_later()
        if data:
            self._arrive(data)

    def _arrive(self, data: bytes) -> None:
        heard = received(data, self._ends.sent(), self._ends.heard())
        if self._ends.noisy():
            heard = flipped(heard, self._random, NOISE)
        if heard:
            self._deliver(heard)
