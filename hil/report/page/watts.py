"""A boot's energy and its curve of power, as a page shows them. Integrates nothing anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hil.clock import NANOSECONDS
from hil.power.samples import FILE, Sample, read_samples
from hil.report.power import PowerRecord
from hil.report.reading import Record

MOST: Final = 1200
"""Points of a curve that a page has at most, about; as many as a wide screen has columns."""

Point = tuple[float, float]


def watts_of(folder: Path, boot: Record, origin_ns: int | None) -> dict[str, object] | None:
    """The energy in words and the curve; None where the boot had no meter.

    Args:
        folder: the boot's.
        boot: its boot.json.
        origin_ns: power-on, ns of the one clock; without it there is no curve.
    """
    power = PowerRecord.read(boot.get("power"))
    if power is None:
        return None
    samples, why = _read(folder / FILE)
    runs = [] if origin_ns is None else _runs(samples, origin_ns)
    return {
        "record": power.to_json(),
        "words": power.words(),
        "note": "; ".join(filter(None, (power.note, why))),
        "simulated": power.simulated,
        "runs": [[list(point) for point in run] for run in _thinned(runs)],
        "peak": max((watts for run in runs for _, watts in run), default=None),
    }


def _read(path: Path) -> tuple[Sequence[Sample], str]:
    try:
        return read_samples(path), ""
    except FileNotFoundError:
        return (), f"{FILE} is missing"
    except OSError as error:
        return (), f"{FILE} cannot be read: {error.strerror}"


def _runs(samples: Sequence[Sample], origin_ns: int) -> list[list[Point]]:
    """The readings that follow each other, each as seconds from power-on and watts; a gap ends a run."""
    runs: list[list[Point]] = [[]]
    for sample in samples:
        if sample.watts is not None:
            runs[-1].append((round((sample.at_ns - origin_ns) / NANOSECONDS, 4), round(sample.watts, 4)))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _thinned(runs: list[list[Point]]) -> list[list[Point]]:
    """Of many points the lowest and the highest of each few that follow each other, so that no peak is lost."""
    few = -(-2 * sum(map(len, runs)) // MOST)
    if few <= 2:
        return runs
    return [
        [point for first in range(0, len(run), few) for point in _lowest_and_highest(run[first : first + few])]
        for run in runs
    ]


def _lowest_and_highest(points: list[Point]) -> list[Point]:
    watts = [point[1] for point in points]
    kept = {watts.index(min(watts)), watts.index(max(watts))}
    return [points[number] for number in sorted(kept)]
