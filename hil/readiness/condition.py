"""One thing that must hold of a machine, and whether it does. Asks no machine and draws nothing.

`unknown` is never taken for true: a probe that could not ask says so, and its condition does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from hil.clock import NANOSECONDS


class Truth(Enum):
    """Whether a condition holds. UNKNOWN is what could not be asked, never a guess."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        return self is Truth.TRUE


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold.

    Args:
        name: what it is about, as "talos.stage"; unique within one readiness.
        truth: whether it holds.
        expected: what must be observed, in a few words.
        observed: what was observed, or why nothing was, in a few words on one line.
        source: who said so: "api", "console", "certificate", ...
        at_ns: when that was observed, ns of the one clock; None when nothing was.
        figures: what was measured by the way, each with its unit in its name, as "latency_seconds"; told, not judged.
    """

    name: str
    truth: Truth
    expected: str
    observed: str
    source: str
    at_ns: int | None
    figures: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether it is true; unknown is not."""
        return self.truth is Truth.TRUE

    def to_json(self, origin_ns: int | None = None) -> dict[str, object]:
        """It as a record has it.

        Args:
            origin_ns: power-on, ns of the one clock; None where nobody saw that, and the moment is left out.
        """
        seconds = None
        if self.at_ns is not None and origin_ns is not None:
            seconds = round((self.at_ns - origin_ns) / NANOSECONDS, 6)
        return {
            "name": self.name,
            "truth": self.truth.value,
            "expected": self.expected,
            "observed": self.observed,
            "source": self.source,
            "seconds": seconds,
            **({"figures": dict(self.figures)} if self.figures else {}),
        }
