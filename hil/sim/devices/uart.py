"""A USB serial adapter that a board's UART is wired to: a pty of this host. Its speed is what the reader sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from hil.sim.device import DevicePlace, Faults, Outlet
from hil.sim.line import PtyLine
from hil.sim.plan import DevicePlan


class UartConsole:
    """See `hil.sim.device.Console`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults = Faults()
        self.outlets: Mapping[int, Outlet] = {}
        self._line: PtyLine | None = None
        self._reader: asyncio.Task[None] | None = None
        self._typed: Callable[[bytes], None] = lambda data: None

    @property
    def baud(self) -> int:
        """What the reader set, bits per second."""
        return 0 if self._line is None else self._line.baud

    @property
    def lost(self) -> int:
        """Bytes that came from the board and that nobody read."""
        return 0 if self._line is None else self._line.lost

    def attach(self, typed: Callable[[bytes], None]) -> None:
        """Have `typed` called with what is sent to the board."""
        self._typed = typed

    def heard(self, data: bytes) -> None:
        """Bytes came from the board."""
        if self._line is not None:
            self._line.write(data)

    async def start(self, place: DevicePlace) -> str:
        """Open the pty."""
        self._line = place.port(self.name)
        self._reader = asyncio.create_task(self._read(self._line))
        return str(self._line.path)

    async def close(self) -> None:
        """Hang up."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._line is not None:
            self._line.close()

    async def _read(self, line: PtyLine) -> None:
        while True:
            self._typed(await line.read())


def create(plan: DevicePlan) -> UartConsole:
    """An adapter; no options."""
    return UartConsole(plan.name)
