"""What a console said as rows, each with the moment at which it began. Draws no terminal: a row is a line."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from hil.clock import NANOSECONDS
from hil.console.recording import paths
from hil.report.page.visible import visible

# Stamp, incarnation, offset, length: hil.console.recording.
_INDEX = struct.Struct(">QIQI")
_BREAK = re.compile(rb"\r+\n?|\n")
_WIDEST = 2000
FIRST, LAST = 500_000, 2_300_000
"""Bytes of a page that the first and the last rows of a long console may take."""

Row = tuple[float | None, str]
"""Seconds from power-on (None: not known), and what stands there, with nothing in it that a screen would obey."""


@dataclass(frozen=True, slots=True)
class Said:
    """A console's rows.

    Args:
        rows: in their order.
        gap: how many of them stand before what was left out; None where nothing was.
        bytes: of the whole console.
        note: what is missing, or "".
    """

    rows: list[Row]
    gap: int | None
    bytes: int
    note: str

    def to_json(self) -> dict[str, object]:
        """It as the page's script reads it."""
        return {"rows": self.rows, "gap": self.gap, "bytes": self.bytes, "note": self.note}


def read_console(base: Path, origin_ns: int | None, *, first: int = FIRST, last: int = LAST) -> Said:
    """The rows of the recording at `base`, of a long one only the first and the last.

    Args:
        base: path of the recording, without endings.
        origin_ns: power-on, ns of the clock that stamps the recording; None where the record does not say it.
        first: bytes of the page for the first rows.
        last: bytes of the page for the last ones.
    """
    log, index, _ = paths(base)
    try:
        size = log.stat().st_size
        with log.open("rb") as file:
            head = file.read(size if size <= first + last else first)
            start = file.seek(max(len(head), size - last))
            tail = file.read(size - start)
    except OSError as error:
        return Said([], None, 0, f"{log.name} cannot be read: {error.strerror}")
    clock, note = _clock(index, origin_ns)
    rows = _rows(head, 0, clock)
    if not tail and sum(map(_cost, rows)) <= first + last:
        return Said(rows, None, size, note)
    began = _within(rows, first)
    others = _rows(tail, start, clock) if tail else rows[len(began) :]
    ended = _within(others[::-1], last)[::-1]
    left = f"{size:,} bytes: too many for a page, so only the beginning and the end are here; {log.name} has all"
    return Said([*began, *ended], len(began), size, f"{left}; {note}" if note else left)


class _Clock:
    """When which byte of a log arrived.

    Args:
        places: where in the log each chunk begins.
        stamps: when it came, ns.
        origin_ns: power-on.
    """

    def __init__(self, places: list[int], stamps: list[int], origin_ns: int) -> None:
        self._places = places
        self._stamps = stamps
        self._origin_ns = origin_ns

    def at(self, place: int) -> float | None:
        """Seconds from power-on to the byte at `place`."""
        chunk = bisect_right(self._places, place) - 1
        return None if chunk < 0 else round((self._stamps[chunk] - self._origin_ns) / NANOSECONDS, 3)


def _clock(index: Path, origin_ns: int | None) -> tuple[_Clock, str]:
    nothing = _Clock([], [], 0)
    if origin_ns is None:
        return nothing, "the record does not say when power-on was on the console's clock, so its rows have no times"
    try:
        data = index.read_bytes()
    except OSError as error:
        return nothing, f"{index.name} cannot be read ({error.strerror}), so its rows have no times"
    places, stamps, place = [], [], 0
    for stamp, _, _, length in _INDEX.iter_unpack(data[: len(data) // _INDEX.size * _INDEX.size]):
        if length:
            places.append(place)
            stamps.append(stamp)
            place += length
    return _Clock(places, stamps, origin_ns), ""


def _rows(data: bytes, start: int, clock: _Clock) -> list[Row]:
    rows: list[Row] = []
    place = 0
    for end, after in [*(found.span() for found in _BREAK.finditer(data)), (len(data), len(data))]:
        if place < end or after > end:
            rows += _row(data[place:end], clock.at(start + place))
        place = after
    return rows


def _row(line: bytes, seconds: float | None) -> list[Row]:
    words = visible(line.decode("utf-8", "backslashreplace"))
    return [(seconds, words[cut : cut + _WIDEST]) for cut in range(0, len(words), _WIDEST)] or [(seconds, "")]


def _within(rows: list[Row], budget: int) -> list[Row]:
    for number, row in enumerate(rows):
        budget -= _cost(row)
        if budget < 0:
            return rows[:number]
    return rows


def _cost(row: Row) -> int:
    """About how many bytes a row takes in a page, where <, > and & are six each (hil.report.page.writing)."""
    words = row[1]
    return len(words.encode()) + 14 + 5 * sum(map(words.count, "<>&")) + sum(map(words.count, '"\\\t'))
