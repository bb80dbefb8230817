"""A board's own count of seconds since its power came: what it spends on things, whatever a host takes for them.

So a board's lines have the same stamps in each run and at each speed.
"""

from __future__ import annotations

import asyncio
from typing import Final

from hil.clock import Deadline
from hil.sim.rom.pace import Pace

# A board that fails again and again at full speed must leave the host's processors alone.
_BREATH: Final = 0.2


class Seconds:
    """A board's.

    Args:
        pace: how fast they pass.
    """

    def __init__(self, pace: Pace) -> None:
        self.now = 0.0
        self._pace = pace

    async def spend(self, seconds: float) -> None:
        """Let the documented seconds pass that the board needs."""
        self.now += seconds
        await self._pace.spend(seconds)

    def patience(self, seconds: float) -> Deadline:
        """Until when it waits for somebody else, who has the documented seconds."""
        return self._pace.patience(seconds)

    async def rest(self, seconds: float) -> None:
        """As `spend`, for a wait after a failure: a while at any speed."""
        await self.spend(seconds)
        await asyncio.sleep(_BREATH)
