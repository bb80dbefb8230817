"""Energy out of samples of power, with a bound on its error. Reads no meter and writes no record.

Between two samples that follow each other power is taken to go straight from one to the other (trapezoids). What is
between them nobody saw, so the bound rests on an assumption, and on it alone:

    Between two neighbouring samples power only rises or only falls.

Then power is the first sample's and, for each pair, one change that happened somewhere between the two moments at
which the pair really was taken. The farthest off that the energy of such a change can be is that of a step at the
earliest or at the latest of these moments: |dP| x (dt / 2 + the larger of both stamps' errors) for a whole pair. The
bound is the sum of these, and the meter's step x the time: whether a device rounds or cuts its numbers is rarely
documented, so a whole step.

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
class _Change:
    """Two good samples that follow each other; a value is W, a time ns."""

    from_ns: int
    to_ns: int
    from_watts: float
    to_watts: float
    earliest_ns: int
    latest_ns: int
    step: float

    def share(self, begin: int, end: int) -> float:
        """The ns of an interval after the change, where it happens evenly: each counts by how far it has come then."""
        return self._since_it_began(end) - self._since_it_began(begin)

    def off_by(self, begin: int, end: int) -> float:
        """How many ns that may be off."""
        even = self.share(begin, end)
        extremes = (min(max(end - at_ns, 0), end - begin) for at_ns in (self.earliest_ns, self.latest_ns))
        return max(abs(share - even) for share in extremes)

    def _since_it_began(self, at_ns: int) -> float:
        took = self.to_ns - self.from_ns
        inside = min(max(at_ns - self.from_ns, 0), took)
        return inside**2 / (2 * took) + max(at_ns - self.to_ns, 0)


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
    for run in _runs(samples, resolution, longest):
        begin, end = max(start_ns, run[0].from_ns), min(end_ns, run[-1].to_ns)
        if begin >= end:
            continue
        covered_ns += end - begin
        joules += run[0].from_watts * (end - begin) / NANOSECONDS
        for change in run:
            watts = change.to_watts - change.from_watts
            seconds = max(0, min(end, change.to_ns) - max(begin, change.from_ns)) / NANOSECONDS
            joules += watts * change.share(begin, end) / NANOSECONDS
            error += abs(watts) * change.off_by(begin, end) / NANOSECONDS + change.step * seconds
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


def _runs(samples: Sequence[Sample], resolution: Resolution, longest: float) -> Iterator[list[_Change]]:
    """The changes that follow each other without a gap."""
    run: list[_Change] = []
    for one, other in pairwise(samples):
        change = _change(one, other, resolution, longest)
        if change is not None:
            run.append(change)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _change(one: Sample, other: Sample, resolution: Resolution, longest: float) -> _Change | None:
    if one.watts is None or other.watts is None or one.reading is None or other.reading is None:
        return None
    if not 0 < other.at_ns - one.at_ns <= longest * NANOSECONDS:
        return None
    return _Change(
        from_ns=one.at_ns,
        to_ns=other.at_ns,
        from_watts=one.watts,
        to_watts=other.watts,
        earliest_ns=one.at_ns - one.error_ns,
        latest_ns=other.at_ns + other.error_ns,
        step=max(_step(one.reading, resolution), _step(other.reading, resolution)),
    )


def _step(reading: Reading, resolution: Resolution) -> float:
    """The smallest step of a reading's watts; of V x A what a step of each makes of the product."""
    if resolution.watts is not None:
        return resolution.watts
    volts, amperes = resolution.volts or 0.0, resolution.amperes or 0.0
    return abs(reading.amperes or 0.0) * volts + abs(reading.volts or 0.0) * amperes + volts * amperes
