"""The lines of one boot's console as they grow, for those who look for words in them. Looks for none itself."""

from __future__ import annotations

from dataclasses import dataclass

from hil.console.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or what there is of the last one.

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
        """The lines completed since the last call, and the incomplete last one each time anew."""
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
        self._start += begin
        return lines

    def skip(self) -> None:
        """Pass over all that has arrived, the incomplete last line too."""
        self.take()
        if self._start is not None:
            self._start = self._transcript.end
