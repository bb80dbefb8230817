"""A probe in memory, for panels of one condition."""

from __future__ import annotations

from hil.clock import now_ns
from hil.readiness.condition import Condition, Truth
from hil.timeline.timeline import Mark


class Expected:
    """A probe of one condition."""

    hopeless = ""
    broken = ""
    simulated = ""

    def __init__(self) -> None:
        self.truth = Truth.FALSE

    def look(self) -> tuple[Condition, ...]:
        return (Condition("c.x", self.truth, "so", "thus", "stub", now_ns()),)

    def news(self) -> list[Mark]:
        return []

    def begin_again(self) -> None:
        """Nothing was found before."""

    def close(self) -> None:
        """Nothing is open."""
