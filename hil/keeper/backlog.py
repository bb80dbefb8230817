"""What a stream has said so far: an index of its chunks, and their bytes from memory or from its record.

Memory stays bounded: the newest bytes are kept in memory, older ones are read back from the .log files of the record,
which follow each other. Bytes that are in neither (no record, or a disk that filled up) are skipped, and a reader
sees that by the next chunk's offset. This module opens no port and knows no reader.
"""

from __future__ import annotations

from array import array
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hil.console.stream import MAX_CHUNK, Chunk

KEEP = 2 << 20
"""Bytes of a stream that stay in memory."""

_MERGE_NS = 1_000_000


@dataclass(slots=True)
class Cursor:
    """Where one reader stands.

    Args:
        entry: the index entry that it reads.
        offset: the next byte it wants.
    """

    entry: int
    offset: int


@dataclass(slots=True)
class _Log:
    """A file that has the bytes [start, end) of the stream.

    Its path is kept and not a descriptor: a bench that boots a thousand times has a thousand of them.
    """

    path: Path
    start: int
    end: int

    def read(self, start: int, end: int) -> bytes:
        """Some of [start, end), which begins here; b"" when the file is gone."""
        with suppress(OSError), self.path.open("rb", buffering=0) as file:
            file.seek(start - self.start)
            return file.read(min(end, self.end) - start)
        return b""


class Backlog:
    """Grows by `add`; is read through any number of cursors.

    Args:
        keep: bytes of it that stay in memory at least.
    """

    def __init__(self, keep: int = KEEP) -> None:
        self._keep = keep
        self._stamps = array("Q")
        self._incarnations = array("I")
        self._offsets = array("Q")
        self._recent = bytearray()
        self._recent_start = 0
        self._logs: list[_Log] = []
        self.total = 0

    def use_log(self, path: Path) -> None:
        """What is added from now on is in this file. Call it between two incarnations."""
        self._logs.append(_Log(path, self.total, self.total))

    def add(self, chunk: Chunk, *, logged: bool) -> None:
        """Take in the next chunk; `logged` says whether its bytes are in the newest log file."""
        if not self._extends_last(chunk):
            self._stamps.append(chunk.stamp_ns)
            self._incarnations.append(chunk.incarnation)
            self._offsets.append(chunk.offset)
        self._recent += chunk.data
        self.total += len(chunk.data)
        if logged:
            self._logs[-1].end = self.total
        if len(self._recent) > 2 * self._keep:
            surplus = len(self._recent) - self._keep
            del self._recent[:surplus]
            self._recent_start += surplus

    def cursor(self, start: int | None) -> Cursor:
        """A cursor at byte `start`, or at the present end for None or a `start` beyond it.

        An end of an incarnation that stands at `start` itself is read again.
        """
        if start is None or start > self.total:
            last_may_grow = bool(self._offsets) and self._offsets[-1] < self.total
            return Cursor(len(self._offsets) - last_may_grow, self.total)
        low, high = 0, len(self._offsets)
        while low < high:
            middle = (low + high) // 2
            if self._end_of(middle) < start:
                low = middle + 1
            else:
                high = middle
        return Cursor(low, start)

    def next(self, cursor: Cursor) -> Chunk | None:
        """The next chunk for this cursor, which moves on; None when it has all."""
        while cursor.entry < len(self._offsets):
            entry, start, end = cursor.entry, self._offsets[cursor.entry], self._end_of(cursor.entry)
            if start == end:
                cursor.entry += 1
                return Chunk(self._stamps[entry], self._incarnations[entry], start, b"")
            data = self._bytes(cursor, end)
            if data:
                place, cursor.offset = cursor.offset, cursor.offset + len(data)
                return Chunk(self._stamps[entry], self._incarnations[entry], place, data)
            if entry + 1 == len(self._offsets):
                return None
            cursor.entry += 1
        return None

    def _extends_last(self, chunk: Chunk) -> bool:
        # One entry for each millisecond at most: the index of hours of single characters stays small. The exact
        # stamp of each is in the record.
        return bool(
            self._offsets
            and chunk.data
            and self._offsets[-1] < self.total
            and self._incarnations[-1] == chunk.incarnation
            and chunk.stamp_ns - self._stamps[-1] < _MERGE_NS
            and self.total + len(chunk.data) - self._offsets[-1] <= MAX_CHUNK
        )

    def _end_of(self, entry: int) -> int:
        return self._offsets[entry + 1] if entry + 1 < len(self._offsets) else self.total

    def _bytes(self, cursor: Cursor, end: int) -> bytes:
        cursor.offset = max(cursor.offset, self._offsets[cursor.entry])
        if cursor.offset < self._recent_start:
            log = next((log for log in self._logs if log.start <= cursor.offset < log.end), None)
            if log is not None and (data := log.read(cursor.offset, end)):
                return data
            cursor.offset = min(end, self._recent_start)
        first = cursor.offset - self._recent_start
        return bytes(self._recent[first : end - self._recent_start])
