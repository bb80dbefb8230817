"""Energy out of samples of power, with a bound on its error. Reads no meter and writes no record.

Between two samples that follow each other power is taken to go straight from one to the other (trapezoids). What is
between them nobody saw, so the bound rests on an assumption, and on it alone:

    Between two neighbouring samples power only rises or only falls.

Then the true power at a moment between them lies between the two, and the bound is the sum, over each such pair, of

* the farther of the two from the mean that was taken, times the time: half of |dP| x dt for a whole pair;
* |dP| x (both stamps' errors): so far a value may have held earlier or later than its stamp;
* the meter's step x the time: whether a device rounds or cuts its numbers is rarely documented, so a whole step.

A peak that rises and falls between two samples is seen by nobody and is not in the bound; nor is how true the meter's
own numbers are (its shunt, its calibration): that is for its datasheet. What no two good samples enclose is a gap: it
adds nothing to the energy, and is counted in seconds instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hil.clock import NANOSECONDS
from hil.power.meter import Reading, Resolution
from hil.power.samples import Sample

_JOULES_IN_WH = 3600.0


@dataclass(frozen=True, slots=True)
class Energy:
    """The energy of an interval, as far as its samples cover it.

    Args:
        joules: J, of the covered time alone.
        error_joules: how far off that may be, J; what it rests on is said above.
        covered_seconds: s of the interval between samples that follow each other.
        gap_seconds: s of the interval that nobody saw.
        samples: good ones within the interval.
        peak_watts: the highest of those, W; None where there is none.
        mean_watts: over the covered time, W; None where nothing is covered.
    """

    joules: float
    error_joules: float
    covered_seconds: float
    gap_seconds: float
    samples: int
    peak_watts: float | None
    mean_watts: float | None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two good samples that follow each other; a value is W, a time ns."""

    from_ns: int
    to_ns: int
    from_watts: float
    to_watts: float
    stamps_ns: int
    step: float

    def at(self, moment_ns: float) -> float:
        share = (moment_ns - self.from_ns) / (self.to_ns - self.from_ns)
        return self.from_watts + (self.to_watts - self.from_watts) * share


def integrate(
    samples: Sequence[Sample],
    start_ns: int,
    end_ns: int,
    resolution: Resolution,
    *,
    longest: float = math.inf,
) -> Energy:
    """The energy between two moments.

    Of neighbouring intervals the energies add up to that of the whole; their errors add up to at least its error.

    Args:
        samples: in the order of time; those outside the interval help at its ends.
        start_ns: its beginning, ns of the one clock.
        end_ns: its end.
        resolution: of the meter; a step that is not known counts as none.
        longest: seconds between two samples from which on the time between them is a gap.

    Raises:
        ValueError: the interval ends before it begins.
    """
    if end_ns < start_ns:
        raise ValueError(f"an interval from {start_ns} ns to {end_ns} ns")
    joules = error = 0.0
    covered_ns = 0
    for pair in _pairs(samples, resolution, longest):
        jump = abs(pair.to_watts - pair.from_watts)
        if pair.from_ns - pair.stamps_ns < end_ns and pair.to_ns + pair.stamps_ns > start_ns:
            error += jump * pair.stamps_ns / NANOSECONDS
        begin, end = max(start_ns, pair.from_ns), min(end_ns, pair.to_ns)
        if begin >= end:
            continue
        seconds = (end - begin) / NANOSECONDS
        mean = pair.at((begin + end) / 2)
        joules += mean * seconds
        error += (max(abs(mean - pair.from_watts), abs(mean - pair.to_watts)) + pair.step) * seconds
        covered_ns += end - begin
    within = [sample.watts for sample in samples if sample.watts is not None and start_ns <= sample.at_ns <= end_ns]
    covered = covered_ns / NANOSECONDS
    return Energy(
        joules=joules,
        error_joules=error,
        covered_seconds=covered,
        gap_seconds=(end_ns - start_ns - covered_ns) / NANOSECONDS,
        samples=len(within),
        peak_watts=max(within, default=None),
        mean_watts=joules / covered if covered_ns else None,
    )


def counted(samples: Sequence[Sample], start_ns: int, end_ns: int) -> float | None:
    """What the meter's own counter says of the time between the first and the last sample of an interval, J.

    A check of the integral from another side; it is coarser, and begins and ends up to a sample later and earlier.

    Args:
        samples: in the order of time.
        start_ns: the interval's beginning, ns of the one clock.
        end_ns: its end.

    Returns:
        None where the meter has no counter, was seen once, or its counter began anew.
    """
    counts = [
        sample.reading.counter_wh
        for sample in samples
        if sample.reading is not None and sample.reading.counter_wh is not None and start_ns <= sample.at_ns <= end_ns
    ]
    if len(counts) < 2 or any(after < before for before, after in pairwise(counts)):
        return None
    return (counts[-1] - counts[0]) * _JOULES_IN_WH


def _pairs(samples: Sequence[Sample], resolution: Resolution, longest: float) -> Iterator[_Pair]:
    for one, other in pairwise(samples):
        if one.watts is None or other.watts is None or one.reading is None or other.reading is None:
            continue
        if not 0 < other.at_ns - one.at_ns <= longest * NANOSECONDS:
            continue
        yield _Pair(
            from_ns=one.at_ns,
            to_ns=other.at_ns,
            from_watts=one.watts,
            to_watts=other.watts,
            stamps_ns=one.error_ns + other.error_ns,
            step=max(_step(one.reading, resolution), _step(other.reading, resolution)),
        )


def _step(reading: Reading, resolution: Resolution) -> float:
    """The smallest step of a reading's watts; of V x A what a step of each makes of the product."""
    if resolution.watts is not None:
        return resolution.watts
    volts, amperes = resolution.volts or 0.0, resolution.amperes or 0.0
    return abs(reading.amperes or 0.0) * volts + abs(reading.volts or 0.0) * amperes + volts * amperes
