"""The lines of one boot's console as they grow, for those who look for words in them. Looks for none itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.console.transcript import Transcript

# What overwrites itself (a progress in per cent) ends its line late or never; each look would take all of it again.
_LONGEST: Final = 1 << 14
# Of a line that is longer this much is given again, so that words are whole in one of its parts.
_AGAIN: Final = 1 << 10


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or what there is of the last one; of a very long one a part.

    Args:
        start: offset of its first byte in the stream.
        data: its bytes, with the line feed when it is complete.
    """

    start: int
    data: bytes

    @property
    def complete(self) -> bool:
        """Whether its line feed has arrived."""
        return self.data.endswith(b"\n")


class Lines:
    """Follows a transcript from the beginning of its next incarnation on.

    Args:
        transcript: what the console says.
        after: the incarnation that is over; lines of it and of those before belong to earlier boots.
    """

    def __init__(self, transcript: Transcript, *, after: int) -> None:
        self._transcript = transcript
        self._incarnation = after
        self._start: int | None = None

    def take(self) -> list[Line]:
        """The lines completed since the last call, and the incomplete last one each time anew.

        Of a last one that has grown very long, the next call has its end alone.
        """
        transcript = self._transcript
        if transcript.incarnation > self._incarnation:
            self._incarnation, self._start = transcript.incarnation, transcript.incarnation_start
        if self._start is None:
            return []
        data = transcript.bytes(self._start, transcript.end)
        lines: list[Line] = []
        begin = 0
        while (end := data.find(b"\n", begin)) >= 0:
            lines.append(Line(self._start + begin, data[begin : end + 1]))
            begin = end + 1
        if begin < len(data):
            lines.append(Line(self._start + begin, data[begin:]))
        self._start += begin if len(data) - begin <= _LONGEST else len(data) - _AGAIN
        return lines

    def skip(self) -> None:
        """Pass over all that has arrived, the incomplete last line too."""
        self.take()
        if self._start is not None:
            self._start = self._transcript.end
