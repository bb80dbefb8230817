"""What a stream has said, in memory: the bytes of all its incarnations, with their stamps.

Offsets are the stream's: they grow over all incarnations. Bytes that the keeper no longer had leave a gap,
which no match ever spans. This module decodes nothing but what is to be printed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from hil.console.stream import Chunk

# Escape sequences of ECMA-48: control sequences (CSI ... final byte), strings (OSC, DCS, APC, PM, SOS up to
# ST or BEL), and two-byte escapes. Strings are bounded, so that a stray introducer does not swallow the rest
# of a console.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|[]PX^_][^\x07\x1b]{0,256}(?:\x07|\x1b\\)"
    r"|[ -/]{0,4}[0-OQ-WYZ\\`-~])"
)


@dataclass(slots=True)
class Segment:
    """Bytes without a gap or a border in between.

    Args:
        incarnation: which they belong to.
        start: offset of the first in the stream.
        data: the bytes; only ever grows.
    """

    incarnation: int
    start: int
    data: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        """Offset after the last byte."""
        return self.start + len(self.data)


class Transcript:
    """Grows by `append`, in the order of the stream."""

    def __init__(self) -> None:
        self._segments = [Segment(0, 0)]
        self._offsets: list[int] = []
        self._stamps: list[int] = []
        self.incarnation = 0
        self.incarnation_start = 0
        self.ended = False

    def append(self, chunk: Chunk) -> None:
        """Take in the next chunk; an empty one says that its incarnation ended.

        Raises:
            ValueError: it overlaps what is here, or belongs to an earlier incarnation.
        """
        if chunk.offset < self.end or chunk.incarnation < self.incarnation:
            raise ValueError(f"chunk {chunk.incarnation}/{chunk.offset} after {self.incarnation}/{self.end}")
        if chunk.incarnation != self.incarnation:
            self.incarnation, self.incarnation_start = chunk.incarnation, chunk.offset
            self._segments.append(Segment(chunk.incarnation, chunk.offset))
        elif chunk.offset != self.end:
            self._segments.append(Segment(chunk.incarnation, chunk.offset))
        self.ended = not chunk.data
        if chunk.data:
            self._segments[-1].data.extend(chunk.data)
            self._offsets.append(chunk.offset)
            self._stamps.append(chunk.stamp_ns)

    @property
    def end(self) -> int:
        """Offset after the last byte."""
        return self._segments[-1].end

    @property
    def current(self) -> Segment:
        """The segment that the next byte of this incarnation goes to: where a search may look."""
        return self._segments[-1]

    def bytes(self, start: int, end: int) -> bytes:
        """The bytes of [start, end) that are here, over borders of incarnations too."""
        first = max(0, bisect_right(self._segments, start, key=lambda segment: segment.start) - 1)
        parts = []
        for segment in self._segments[first:]:
            if segment.start >= end:
                break
            parts.append(bytes(segment.data[max(0, start - segment.start) : end - segment.start]))
        return b"".join(parts)

    def stamp_at(self, offset: int) -> int:
        """When the chunk that holds the byte at `offset` arrived, ns of the one clock.

        Raises:
            IndexError: no such byte is here.
        """
        index = bisect_right(self._offsets, offset) - 1
        if index < 0 or offset >= self.end:
            raise IndexError(f"no byte at {offset}")
        return self._stamps[index]

    def offset_after(self, stamp_ns: int) -> int:
        """The offset where what arrived after a moment begins, ns of the one clock; `end` when nothing did."""
        index = bisect_right(self._stamps, stamp_ns)
        return self._offsets[index] if index < len(self._offsets) else self.end

    def tail(self, lines: int) -> list[str]:
        """The last lines of the newest incarnation with any, safe to print, each <= 512 columns."""
        said = next((segment for segment in reversed(self._segments) if segment.data), None)
        if said is None:
            return []
        text = printable(bytes(said.data[-(lines + 1) * 2048 :])).rstrip("\n")
        return [line[-512:] for line in text.split("\n") if line.strip()][-lines:]


def printable(data: bytes) -> str:
    """Text that a terminal shows and does not obey.

    UTF-8 with replacement; escape sequences are dropped, of lines overwritten by carriage return the last
    version stays, backspaces erase, and every other character but a tab that Unicode has not assigned or does not hold
    for printable (`str.isprintable`: controls, changes of direction, private ones) becomes U+FFFD. Line ends are \\n.
    """
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = line.rstrip("\r").rpartition("\r")[2]
        lines.append(_shown(_erase(shown)))
    return "\n".join(lines)


def _shown(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(letter if letter == "\t" or letter.isprintable() else "\ufffd" for letter in line)


def _erase(line: str) -> str:
    if "\b" not in line:
        return line
    kept: list[str] = []
    for character in line:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)
