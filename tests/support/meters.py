"""Meters that are nowhere but here: one that reads what it is told, for samplers and records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hil.clock import Deadline, now_ns
from hil.power.meter import Reading, Resolution

IN_WATTS = Resolution(watts=1.0)


@dataclass
class Steady:
    """A meter that says 1 W, 2 W, ... or, at a look that has its number in `trouble`, what that gives.

    Each is of `late_ns` before it was asked for.
    """

    trouble: dict[int, Callable[[], float]] = field(default_factory=dict)
    asked: int = 0
    late_ns: int = 0
    name: str = "steady"
    age: float = 0.0
    resolution: Resolution = IN_WATTS

    def read(self, *, deadline: Deadline) -> Reading:
        self.asked += 1
        return Reading(now_ns() - self.late_ns, 0, watts=self.trouble.get(self.asked, lambda: float(self.asked))())

    def close(self) -> None: ...
