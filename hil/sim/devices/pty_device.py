"""A device of the twin that is a pty of this host: opens it, reads it until the end. Knows not what the bytes mean."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from hil.sim.device import DevicePlace
from hil.sim.line import PtyLine


class PtyDevice(ABC):
    """What a `hil.sim.device.Device` on a pty starts and closes.

    Args:
        name: its plan's.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._line: PtyLine | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self, place: DevicePlace) -> str:
        """Open the pty."""
        self._line = place.port(self.name)
        self._reader = asyncio.create_task(self._serve(self._line))
        return str(self._line.path)

    async def close(self) -> None:
        """Hang up."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._line is not None:
            self._line.close()

    @abstractmethod
    async def _serve(self, line: PtyLine) -> None:
        """Read the line and act on what comes, until cancelled."""
