"""Redaction of bytes that come in chunks, cut anywhere: what may be the beginning of a secret is held back.

Cut as it may be, a stream comes out as `Redactor.data` gives the whole. Only a pause changes that, and the end, as
nothing may be held back for ever: at a pause its owner calls `release`. Up to three characters are let go as they are
(a prompt has to appear); of more, only the mark. So a secret that is typed slowly shows three characters of itself at
most, and its end never. This module has no clock.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from hil.redaction.forms import MARK
from hil.redaction.unwrapped import Unwrapped

if TYPE_CHECKING:
    from hil.redaction.redactor import Redactor, Span

LET_GO: Final = 3
"""Characters of a secret's beginning that a pause may show."""

QUIET: Final = 0.03
"""Seconds of a pause after which so few are let go."""

LONG_QUIET: Final = 0.5
"""Seconds of a pause after which a mark stands for more of them."""

_MARK: Final = MARK.encode()


class RedactedStream:
    """One stream.

    Args:
        redactor: what is secret; `use` changes that.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""
        # How many of the held bytes are out already, and whether the last of those stand under a mark.
        self._out = 0
        self._marked = False
        # Of what may be a secret's beginning: its characters, and where in the held bytes its last one ends.
        self._length = 0
        self._end = 0
        # For each run of held bytes that arrived together: where it ends, and its stamp.
        self._stamps: list[Span] = []

    @property
    def patience(self) -> float | None:
        """Seconds of a pause after which `release` is to be called; None when nothing waits."""
        if self._out >= len(self._held):
            return None
        return LONG_QUIET if self._length > LET_GO and self._out < self._end else QUIET

    def use(self, redactor: Redactor) -> None:
        """From the next chunk on other secrets; what is held back may already be the beginning of one of those."""
        self._redactor = redactor

    def feed(self, data: bytes) -> bytes:
        """The next chunk; what can be shown by now."""
        return _joined(self.feed_at(data, 0))

    def feed_at(self, data: bytes, stamp: int) -> list[tuple[int, bytes]]:
        """As `feed`, in pieces: each with the stamp of the chunk in which its first byte came.

        Args:
            data: the next chunk.
            stamp: when it came; never less than the one before.
        """
        if not self._redactor and not self._held:
            return [(stamp, data)] if data else []
        self._held += data
        self._stamps.append((len(self._held), stamp))
        seen = Unwrapped(self._held)
        spans, upto, self._length = self._redactor.look(seen)
        self._end = max(0, seen.end - upto)
        return self._emit(spans, upto)

    def release(self) -> list[tuple[int, bytes]]:
        """Nothing came for `patience` seconds: let go of what is held back, or of a mark in its place."""
        hide = self._length > LET_GO
        pieces: list[tuple[int, bytes]] = []
        if hide and self._out < self._end and not self._marked:
            pieces.append((self._stamp(self._out), _MARK))
        # Breaks that follow, the end of a line above all, are shown as they are.
        pieces += self._cut(max(self._out, self._end) if hide else self._out, len(self._held))
        self._out, self._marked = len(self._held), hide
        return pieces

    def rest(self) -> bytes:
        """The end of the stream: as `rest_at`."""
        return _joined(self.rest_at())

    def rest_at(self) -> list[tuple[int, bytes]]:
        """The end of the stream: what is left, as `release` has it."""
        pieces = self.release()
        self._held, self._stamps, self._out = b"", [], 0
        self._marked, self._length, self._end = False, 0, 0
        return pieces

    def _emit(self, spans: list[Span], upto: int) -> list[tuple[int, bytes]]:
        """What can be shown of what is held, up to `upto`; a secret in which that stands is marked at once."""
        pieces: list[tuple[int, bytes]] = []
        place, covered = self._out, self._out
        marked = self._marked and self._out > 0
        for start, end in spans:
            if start >= upto:
                break
            pieces += self._cut(place, start)
            goes_on = marked and start < self._out
            if end > self._out and not goes_on:
                pieces.append((self._stamp(max(start, self._out)), _MARK))
            place = max(place, end)
            if end > upto:
                covered, marked = max(covered, end), True
        pieces += self._cut(place, upto)
        self._keep(upto, max(0, covered - upto), marked)
        return pieces

    def _keep(self, upto: int, out: int, marked: bool) -> None:
        self._held = self._held[upto:]
        self._stamps = [(end - upto, stamp) for end, stamp in self._stamps if end > upto]
        self._out, self._marked = out, marked and out > 0

    def _cut(self, start: int, end: int) -> list[tuple[int, bytes]]:
        """Held bytes as they are, a piece for each stamp."""
        borders = [0, *(border for border, _ in self._stamps)]
        pieces = []
        for (left, right), (_, stamp) in zip(pairwise(borders), self._stamps, strict=True):
            piece = self._held[max(left, start) : min(right, end)] if max(left, start) < min(right, end) else b""
            if piece:
                pieces.append((stamp, piece))
        return pieces

    def _stamp(self, place: int) -> int:
        return next(stamp for end, stamp in self._stamps if place < end)


def _joined(pieces: list[tuple[int, bytes]]) -> bytes:
    return b"".join(data for _, data in pieces)
