"""How fast a board's own seconds pass, and how long it has patience with others. Knows no network."""

from __future__ import annotations

import asyncio
from typing import Final

from hil.clock import Deadline

_HURRY: Final = 16.0
"""How much less patience a board has at full speed."""
_LEAST: Final = 1.0
"""Seconds that another program on a busy computer may need for an answer."""


class Pace:
    """A board's.

    Args:
        speed: 1 for the documented times, 2 for twice as fast, 0 for at once.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed

    async def spend(self, seconds: float) -> None:
        """Let the documented seconds pass that the board needs for something itself."""
        if self._speed:
            await asyncio.sleep(seconds / self._speed)

    def patience(self, seconds: float) -> Deadline:
        """How long it waits for a word of somebody else, who has the documented seconds; at any speed long enough."""
        return Deadline.after(min(seconds, max(_LEAST, seconds / (self._speed or _HURRY))))

    def limit(self, seconds: float) -> Deadline:
        """How long something may take that goes on, which has the documented seconds; the same at full speed."""
        return Deadline.after(min(seconds, max(_LEAST, seconds / (self._speed or 1.0))))


def earlier(one: Deadline, other: Deadline) -> Deadline:
    """Whichever comes first."""
    if one.at_ns is None or (other.at_ns is not None and other.at_ns < one.at_ns):
        return other
    return one
