"""The meter in a plug: looks at its channels once in a while, and counts what has flowed. Tells nobody.

What a plug says is as old as its last look; this one looks once a second, as the plugs' own pages refresh. Between two
looks it takes the watts of the first to have flowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from hil.sim.device import DevicePlace, Load

_EVERY: Final = 1.0
MINUTE: Final = 60.0
"""Seconds of which a minute's energy is kept."""
_MINUTES: Final = 3


class Metering:
    """The meter of a device.

    Args:
        channels: that it measures.
    """

    def __init__(self, channels: Iterable[int]) -> None:
        self._loads = {channel: Load() for channel in channels}
        self._joules = dict.fromkeys(self._loads, 0.0)
        self._minutes: dict[int, list[float]] = {channel: [] for channel in self._loads}
        self._at = self._minute = 0.0
        self._place: DevicePlace | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, place: DevicePlace) -> None:
        """Begin to look."""
        self._place = place
        self._at = self._minute = place.clock()
        self._look()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def load(self, channel: int) -> Load:
        """At the last look."""
        return self._loads[channel]

    def watt_hours(self, channel: int) -> float:
        """Since its start, Wh."""
        return self._joules[channel] / 3600

    def minutes(self, channel: int) -> list[float]:
        """Watt-hours of each of the last three whole minutes, the newest first; 0 before its start."""
        spent = self._minutes[channel]
        marks = [0.0] * (_MINUTES + 1 - len(spent)) + spent
        return [(marks[place] - marks[place - 1]) / 3600 for place in range(_MINUTES, 0, -1)]

    @property
    def minute(self) -> float:
        """When the minute that is not over yet began, seconds of its clock."""
        return self._minute

    @property
    def now(self) -> float:
        """Seconds of its clock at the last look."""
        return self._at

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            self._look()

    def _look(self) -> None:
        if self._place is None:
            return
        now = self._place.clock()
        for channel, load in self._loads.items():
            self._joules[channel] += load.watts * (now - self._at)
            self._loads[channel] = self._place.load(channel)
        self._at = now
        if now - self._minute >= MINUTE:
            self._minute += MINUTE
            for channel, spent in self._minutes.items():
                spent.append(self._joules[channel])
                del spent[: -_MINUTES - 1]
