"""A USB serial adapter that a board's UART is wired to: a pty of this host. Its speed is what the reader sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hil.sim.device import Faults, Outlet
from hil.sim.devices.pty_device import PtyDevice
from hil.sim.line import PtyLine
from hil.sim.plan import DevicePlan


class UartConsole(PtyDevice):
    """See `hil.sim.device.Console`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.faults = Faults()
        self.outlets: Mapping[int, Outlet] = {}
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

    async def _serve(self, line: PtyLine) -> None:
        while True:
            self._typed(await line.read())


def create(plan: DevicePlan) -> UartConsole:
    """An adapter; no options."""
    return UartConsole(plan.name)
