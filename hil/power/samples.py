"""What a meter said over time: one sample for each look at it, and power.csv, one line for each. Integrates nothing.

A line is whole or it is not there for a reader: a writer that was killed leaves at most half a line, at the end.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.power.meter import Reading

FILE: Final = "power.csv"
"""A boot's samples, in its folder."""
COLUMNS: Final = ("at_ns", "error_ns", "volts", "amperes", "watts", "counter_wh", "gap", "source")
_SOURCES: Final = {True: "simulated", False: "measured", None: ""}
_LATEST_NS: Final = 2**63 - 1
_LONGEST_GAP: Final = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a meter: a reading, or why there is none.

    Args:
        at_ns: the middle of the look, ns of the one clock.
        error_ns: half of the time that it took.
        reading: what the meter said, or None.
        gap: why there is none, in a few words on one line; "" where there is one.
    """

    at_ns: int
    error_ns: int
    reading: Reading | None
    gap: str = ""

    @classmethod
    def good(cls, reading: Reading) -> Sample:
        """Of what a meter said."""
        return cls(reading.at_ns, reading.error_ns, reading)

    @classmethod
    def failed(cls, began_ns: int, ended_ns: int, why: str) -> Sample:
        """Of a look that gave nothing.

        Args:
            began_ns: when the meter was asked.
            ended_ns: when it was given up.
            why: becomes one line.
        """
        half = max(0, ended_ns - began_ns) // 2
        return cls(began_ns + half, half, None, " ".join(why.split())[:_LONGEST_GAP] or "no reading")

    @property
    def began_ns(self) -> int:
        """The earliest moment of which it tells."""
        return self.at_ns - self.error_ns

    @property
    def watts(self) -> float | None:
        """The power, W, or None."""
        return None if self.reading is None else self.reading.watts


def line(sample: Sample, *, simulated: bool | None = None) -> str:
    """A sample as a line of power.csv (RFC 4180), its end included; numbers as short as they read back unchanged.

    Args:
        sample: the sample.
        simulated: whether its meter is the bench twin's; each line says so, wherever it is copied to. None: not known.
    """
    reading = sample.reading
    values = (
        (None, None, None, None)
        if reading is None
        else (reading.volts, reading.amperes, reading.watts, reading.counter_wh)
    )
    cells = [str(sample.at_ns), str(sample.error_ns), *("" if value is None else repr(value) for value in values)]
    return _row([*cells, sample.gap, _SOURCES[simulated]])


def header() -> str:
    """The first line of power.csv."""
    return _row(COLUMNS)


def read_samples(path: Path) -> list[Sample]:
    """The samples of a power.csv, in its order; lines that are not whole or not of this form are left out.

    Args:
        path: a file that another program may have written, cut or edited.

    Raises:
        OSError: it cannot be read.
    """
    return parse(path.read_bytes())


def parse(data: bytes) -> list[Sample]:
    """As `read_samples`, of the file's bytes; never raises."""
    whole, _, _ = data.rpartition(b"\n")
    found = []
    for text in whole.decode("utf-8", "replace").split("\n"):
        sample = _sample(text.removesuffix("\r"))
        if sample is not None:
            found.append(sample)
    return found


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _sample(text: str) -> Sample | None:
    try:
        cells = next(csv.reader([text], strict=True), [])
        at, error, volts, amperes, watts, counter, gap, _ = cells
        at_ns, error_ns = _nanoseconds(at), _nanoseconds(error)
        values = [_number(cell) for cell in (volts, amperes, watts, counter)]
    except (csv.Error, ValueError):
        return None
    if gap:
        return Sample(at_ns, error_ns, None, gap)
    return Sample.good(Reading(at_ns, error_ns, *values))


def _nanoseconds(cell: str) -> int:
    value = int(cell)
    if not 0 <= value <= _LATEST_NS:
        raise ValueError(cell)
    return value


def _number(cell: str) -> float | None:
    if not cell:
        return None
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value
