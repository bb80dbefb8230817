"""One clock for a bench: deadlines, and stamps that carry how far off they may be.

Every stamp is CLOCK_MONOTONIC in whole nanoseconds. That clock is one for all processes of a host (clock_gettime(2)),
so the keeper's stamps and a client's compare without a translation. Wall time appears only where a person reads it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

NANOSECONDS = 1_000_000_000
_TOGETHER_NS = 50_000
_LOOKS = 5


def now_ns() -> int:
    """The one clock, in nanoseconds of CLOCK_MONOTONIC."""
    return time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class WallAnchor:
    """One moment read on both clocks, so that a record can be shown in wall time.

    Args:
        monotonic_ns: the moment on the one clock, ns.
        wall_ns: the same moment, ns since 1970-01-01 UTC.
    """

    monotonic_ns: int
    wall_ns: int

    @classmethod
    def take(cls) -> WallAnchor:
        """Read both clocks now, less than 50 us apart; on a host too busy for that the closest of some tries."""
        best = None
        for _ in range(_LOOKS):
            before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
            apart = after - before
            if best is None or apart < best[0]:
                best = (apart, before + apart // 2, wall)
            if apart < _TOGETHER_NS:
                break
        assert best is not None, "there is one look at least"
        return cls(best[1], best[2])

    def from_wall(self, wall_seconds: float) -> int:
        """The one clock's ns at a wall time given in seconds since 1970."""
        return self.monotonic_ns + round(wall_seconds * NANOSECONDS) - self.wall_ns

    def to_wall(self, monotonic_ns: int) -> float:
        """Seconds since 1970 at a moment of the one clock."""
        return (self.wall_ns + monotonic_ns - self.monotonic_ns) / NANOSECONDS


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which something must have happened; pass it down instead of a number of seconds.

    Args:
        at_ns: the moment on the one clock, ns; None for never.
        within: the seconds that were first given, for messages.
    """

    at_ns: int | None
    within: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The moment `seconds` from now (infinity: never).

        Raises:
            ValueError: seconds is negative or not a number.
        """
        if math.isnan(seconds) or seconds < 0:
            raise ValueError(f"a deadline needs seconds >= 0, not {seconds!r}")
        if math.isinf(seconds):
            return cls(None, seconds)
        return cls(now_ns() + round(seconds * NANOSECONDS), seconds)

    @classmethod
    def of(cls, within: float | Deadline, *, since_ns: int | None = None) -> Deadline:
        """A deadline as it is, or one made of the seconds that a person wrote.

        Args:
            within: either of them.
            since_ns: from when the seconds count, ns of the one clock; None for now.

        Raises:
            ValueError: the seconds are negative or not a number.
        """
        if isinstance(within, Deadline):
            return within
        made = cls.after(within)
        if since_ns is None or made.at_ns is None:
            return made
        return cls(since_ns + round(within * NANOSECONDS), within)

    def remaining(self) -> float | None:
        """Seconds left, never below 0; None when there is no end (as `select` takes it)."""
        return None if self.at_ns is None else max(0.0, (self.at_ns - now_ns()) / NANOSECONDS)

    def left(self) -> float | None:
        """As `remaining`, for the next wait of a socket, to which 0 would say not to wait and to fail in other words.

        Raises:
            TimeoutError: no time is left.
        """
        seconds = self.remaining()
        if seconds == 0:
            raise TimeoutError("timed out")
        return seconds

    @property
    def expired(self) -> bool:
        """Whether the moment has passed."""
        return self.at_ns is not None and now_ns() >= self.at_ns

    def sooner(self, seconds: float) -> Deadline:
        """This deadline or `seconds` from now, whichever comes first."""
        other = Deadline.after(seconds)
        if other.at_ns is None or (self.at_ns is not None and self.at_ns <= other.at_ns):
            return self
        return other

    def __str__(self) -> str:
        return "no time limit" if self.at_ns is None else f"{self.within:g} s"


def hold(seconds: float) -> None:
    """Let time pass on purpose, as a supply's off time needs; never to wait for something that can be seen."""
    time.sleep(seconds)
