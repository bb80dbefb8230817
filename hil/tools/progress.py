"""What a long step is doing and what is left of it, and two ways to show it: a live line, or plain lines.

Whoever works calls a `Progress` with a `Step`; whoever shows it decides how. Nothing here knows the work.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TextIO

from hil.clock import NANOSECONDS, now_ns

_LIVE_EVERY_NS = NANOSECONDS // 10
_PLAIN_EVERY_NS = 10 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of a long step.

    Args:
        what: what is being done, as a short phrase; a new phrase starts a new line.
        done: how much is done, in `unit`.
        total: how much there is in all; None when that is not known.
        unit: what `done` and `total` count.
    """

    what: str
    done: int = 0
    total: int | None = None
    unit: Literal["bytes", "percent", "none"] = "none"

    def __str__(self) -> str:
        if self.unit == "percent":
            return f"{self.what}: {self.done} %"
        if self.unit == "bytes" and self.total:
            left = _mega(max(0, self.total - self.done))
            return f"{self.what}: {_mega(self.done)} of {_mega(self.total)}, {left} left"
        if self.unit == "bytes":
            return f"{self.what}: {_mega(self.done)}"
        return self.what


Progress = Callable[[Step], None]


def _mega(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def quiet(step: Step) -> None:
    """Show nothing."""


class PlainLines:
    """One line when a step begins, and one more every ten seconds while it lasts: for logs.

    Args:
        stream: where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._what = ""
        self._shown_ns = 0

    def __call__(self, step: Step) -> None:
        """Show the step if it is new or the last line is old."""
        now = now_ns()
        if step.what == self._what and now - self._shown_ns < _PLAIN_EVERY_NS:
            return
        text = step.what if step.what != self._what else str(step)
        self._what, self._shown_ns = step.what, now
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


class LiveLine:
    """One line of a terminal, written over as the step goes on.

    Args:
        stream: the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._what = ""
        self._shown_ns = 0

    def __call__(self, step: Step) -> None:
        """Draw the step; a new one leaves the line of the last one standing."""
        now = now_ns()
        if step.what == self._what and now - self._shown_ns < _LIVE_EVERY_NS:
            return
        if self._what and step.what != self._what:
            self._stream.write("\n")
        self._what, self._shown_ns = step.what, now
        width = shutil.get_terminal_size().columns - 1
        self._stream.write("\r\x1b[K" + str(step)[:width])
        self._stream.flush()

    def close(self) -> None:
        """End the line."""
        if self._what:
            self._stream.write("\n")
            self._stream.flush()
            self._what = ""


def shown_on(stream: TextIO) -> PlainLines | LiveLine:
    """The way that suits the stream: live on a terminal, plain lines elsewhere."""
    return LiveLine(stream) if stream.isatty() else PlainLines(stream)
