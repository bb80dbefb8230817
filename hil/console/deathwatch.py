"""Looks for death patterns in a transcript as it grows. Reads no port and raises nothing of its own."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.console.deaths import Death
from hil.console.expect import Search, bounded
from hil.console.transcript import Segment, Transcript, printable

# iPXE draws its progress over and over in one line, by backspaces: 50 bytes a second of it.
_LINE = 4096
# More than a kernel prints before it restarts.
_START = 1 << 17


@dataclass(frozen=True, slots=True)
class Casualty:
    """A death that was seen.

    Args:
        death: which.
        explanation: what happened.
        line: the line of the console that said so, or was the last before a start that is one too many; safe to print.
        start: offset in the stream where the words begin.
        incarnation: which incarnation died.
    """

    death: Death
    explanation: str
    line: str
    start: int
    incarnation: int


class DeathWatch:
    """Follows one transcript; what it has seen stays until the next incarnation, or `rearm`.

    Args:
        deaths: what to look for.
        transcript: where.
        start: offset in the stream to begin at.
        buried: the last incarnation that is known to be over; of it nothing counts.
    """

    def __init__(self, deaths: Sequence[Death], transcript: Transcript, start: int, *, buried: int = 0) -> None:
        self.deaths = tuple(deaths)
        self.casualty: Casualty | None = None
        self._overlooked: frozenset[str] = frozenset()
        self.buried = buried
        self._transcript = transcript
        self._patterns = [bounded(death.pattern) for death in self.deaths]
        self._begin(transcript.current, start)

    def rearm(self) -> None:
        """Forget what was seen and begin all counts anew at the present end."""
        self._begin(self._transcript.current, self._transcript.end)

    def bury(self, incarnation: int) -> None:
        """An incarnation is known to be over: what is still to come of it counts for nothing."""
        self.casualty = None
        self.buried = max(self.buried, incarnation)

    @contextlib.contextmanager
    def aside(self, *names: str) -> Iterator[None]:
        """What arrives within the block is not held against the machine, for these deaths or, without names, all."""
        self.look()
        before = self._overlooked
        self._overlooked = before | (frozenset(names) or {death.name for death in self.deaths})
        try:
            yield
        finally:
            self.look()
            self._overlooked = before

    def resume(self, start: int) -> None:
        """Look again at what arrived from offset `start` on, in the present incarnation."""
        self._search_in(self._segment, start)

    def look(self) -> Casualty | None:
        """The first death in what has arrived, now or before in this incarnation."""
        segment = self._transcript.current
        if segment is not self._segment:
            # Only a border of incarnations makes a machine live again; a gap in the bytes does not.
            if segment.incarnation != self._segment.incarnation:
                self._begin(segment, segment.start)
            else:
                self._search_in(segment, segment.start)
        if segment.incarnation <= self.buried:
            return None
        if self.casualty is None:
            self.casualty = self._next()
        return self.casualty

    def _begin(self, segment: Segment, start: int) -> None:
        self.casualty = None
        self._counts = [0] * len(self.deaths)
        self._passed_over = ""
        self._search_in(segment, start)

    def _search_in(self, segment: Segment, start: int) -> None:
        self._segment = segment
        self._search = Search(self._patterns, max(0, start - segment.start))

    def _next(self) -> Casualty | None:
        buffer = self._segment.data
        while (hit := self._search.look(buffer)) is not None:
            index, match = hit
            death = self.deaths[index]
            self._search.skip(index, match.end())
            line = _line_around(buffer, match)
            if death.unless and re.search(death.unless, line):
                continue
            if death.name in self._overlooked:
                self._passed_over = death.explain(match, printable(line))
                continue
            self._counts[index] += 1
            if self._counts[index] >= death.count:
                at = match.start("at") if "at" in match.re.groupindex else match.start()
                explanation = death.explain(match, printable(line))
                if death.count > 1 and self._passed_over:
                    explanation += f"; before that, {self._passed_over}"
                if death.begins is not None:
                    line = _line_before(buffer, match, death.begins)
                said = printable(line).strip()
                return Casualty(death, explanation, said, self._segment.start + at, self._segment.incarnation)
        return None


def _line_around(buffer: bytearray, match: re.Match[bytes]) -> bytes:
    start = buffer.rfind(b"\n", max(0, match.start() - _LINE), match.start()) + 1
    start = start or max(0, match.start() - _LINE)
    end = buffer.find(b"\n", match.end(), match.end() + _LINE)
    return bytes(buffer[start : end if end >= 0 else match.end() + _LINE])


def _line_before(buffer: bytearray, match: re.Match[bytes], begins: bytes) -> bytes:
    """The last line with words before the start that has come to `match`; b"" where none is left."""
    earliest = max(0, match.start() - _START)
    before = [one.end() for one in match.re.finditer(buffer, earliest, match.start())]
    since = before[-1] if before else earliest
    first = re.compile(begins).search(buffer, since, match.end()) or match
    ended = max(since, buffer.rfind(b"\n", since, first.start()))
    lines = bytes(buffer[max(since, ended - _LINE) : ended]).splitlines()
    return next((line for line in reversed(lines) if line.strip()), b"")
