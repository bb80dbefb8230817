"""How long answers took: cold start, and latency as a distribution. Measured to be told, never to be judged."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hil.clock import NANOSECONDS

_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Timings:
    """What was measured of one kind of request until now.

    Args:
        count: how many answers were as expected; of the last thousand are the next three.
        p50, p95, worst: seconds from the connection's beginning to the answer's end; 0 without an answer.
        first_ns: when the first such answer was there, ns of the one clock; None without one.
        bound: seconds by which the first answer may have been possible sooner: since the last time that none came;
            None where the first request was answered, so that nothing says since when it could have been.
        up_ns: when what serves came to run, ns of the one clock; None where nobody said so.
    """

    count: int
    p50: float
    p95: float
    worst: float
    first_ns: int | None
    bound: float | None
    up_ns: int | None = None

    @property
    def cold_start(self) -> float | None:
        """Seconds from when what serves came to run to its first answer; None where not both were seen."""
        if self.bound is None or self.first_ns is None or self.up_ns is None or self.up_ns > self.first_ns:
            return None
        return (self.first_ns - self.up_ns) / NANOSECONDS

    @property
    def words(self) -> str:
        """It as a person reads it."""
        if not self.count:
            return "no answer was measured"
        cold = "" if self.cold_start is None else f", cold start {self.cold_start:.1f} s"
        if self.count == 1:
            return f"{_ms(self.worst)} ms{cold}"
        return f"p50 {_ms(self.p50)} p95 {_ms(self.p95)} max {_ms(self.worst)} ms of {self.count}{cold}"

    def to_json(self) -> dict[str, float | None]:
        """It as a record has it."""
        return {
            "answers": self.count,
            "p50_seconds": round(self.p50, 6),
            "p95_seconds": round(self.p95, 6),
            "max_seconds": round(self.worst, 6),
            "cold_start_seconds": _rounded(self.cold_start),
            "cold_start_error_seconds": _rounded(self.bound),
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


@dataclass(slots=True)
class Stopwatch:
    """Takes the times of one kind of request, in one life of the machine; used by one thread.

    Args:
        began_ns: when that life began, ns of the one clock.
    """

    began_ns: int
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST))
    _count: int = 0
    _first_ns: int | None = None
    _silent_ns: int | None = None

    def silent(self, at_ns: int) -> None:
        """No answer as expected came at that moment."""
        if self._first_ns is None:
            self._silent_ns = at_ns

    def answered(self, at_ns: int, latency: float) -> None:
        """An answer as expected.

        Args:
            at_ns: when all of it was there.
            latency: seconds from the connection's beginning.
        """
        self._count += 1
        self._latencies.append(latency)
        if self._first_ns is None:
            self._first_ns = at_ns

    def read(self) -> Timings:
        """What was measured until now."""
        ordered = sorted(self._latencies)
        bound = None
        if self._first_ns is not None and self._silent_ns is not None:
            bound = (self._first_ns - self._silent_ns) / NANOSECONDS
        return Timings(
            self._count,
            percentile(ordered, 50),
            percentile(ordered, 95),
            ordered[-1] if ordered else 0.0,
            self._first_ns,
            bound,
        )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest value that so many per cent of all are not above (nearest rank); 0 of none.

    Args:
        ordered: the values, the smallest first.
        percent: 1 to 100.
    """
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0.0


def _ms(seconds: float) -> str:
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f}" if milliseconds >= 10 else f"{milliseconds:.1f}"
