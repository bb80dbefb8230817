"""Progress of a boot: redrawn on a terminal, one plain line a mark elsewhere. Always on standard error.

What several sources see is shown once, as the first of them has it; the record keeps all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from hil.clock import NANOSECONDS, now_ns
from hil.readiness.condition import Truth
from hil.redaction import HIDDEN
from hil.timeline.draw import line
from hil.timeline.sights import FirstSights
from hil.timeline.stages import STAGES, Stage, awaited_after
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from rich.text import Text

    from hil.readiness.readiness import Readiness

_STYLES = {Truth.TRUE: "green", Truth.FALSE: "red", Truth.UNKNOWN: "dim"}


class Progress(Protocol):
    """Something that shows marks as they come."""

    def mark(self, mark: Mark) -> None:
        """Show one."""
        ...


class PlainProgress:
    """One line a mark, for logs.

    Args:
        name: the node's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._origin_ns: int | None = None
        self._sights = FirstSights()

    def mark(self, mark: Mark) -> None:
        """Print it with its seconds since the first, unless it repeats another source's."""
        if not self._sights.is_first(mark):
            return
        if self._origin_ns is None:
            self._origin_ns = mark.at_ns
        seconds = (mark.at_ns - self._origin_ns) / NANOSECONDS
        print(HIDDEN.redactor.text(f"{self._name} {line(seconds, mark)}"), file=sys.stderr, flush=True)


class LiveProgress:
    """What was reached, each condition as it is now, what is awaited, and for how long; redrawn by rich.

    Args:
        name: the node's.
        found: what was found of the machine so far, or None.
        stages: those that its boot has, in order.
    """

    def __init__(
        self, name: str, found: Callable[[], Readiness | None] = lambda: None, stages: Sequence[Stage] = STAGES
    ) -> None:
        self._name = name
        self._found = found
        self._stages = stages
        self._marks: list[Mark] = []
        self._sights = FirstSights()

    def mark(self, mark: Mark) -> None:
        """Take it in, unless it repeats another source's; the next redraw shows it."""
        if self._sights.is_first(mark):
            self._marks.append(mark)

    def __rich__(self) -> Text:
        from rich.text import Text

        if not self._marks:
            return Text(f"{self._name}: switching on")
        origin = self._marks[0].at_ns
        found = self._found()
        conditions = () if found is None else tuple(found)
        tabled = {condition.name for condition in conditions}
        text = Text()
        for mark in self._marks:
            if mark.stage in tabled:
                continue
            said = HIDDEN.redactor.text(line((mark.at_ns - origin) / NANOSECONDS, mark))
            text.append(said + "\n", style="dim")
        if found is not None:
            header, *rows = map(HIDDEN.redactor.text, found.table().splitlines()[1:])
            text.append(header + "\n", style="dim")
            for condition, row in zip(conditions, rows, strict=True):
                text.append(row + "\n", style=_STYLES[condition.truth])
        awaited = awaited_after({mark.stage for mark in self._marks}, self._stages)
        elapsed = (now_ns() - origin) / NANOSECONDS
        waiting = "" if awaited is None else f", waiting for {awaited.name}: {awaited.doc}"
        text.append(f"{self._name}: {elapsed:.1f} s{waiting}", style="bold")
        return text


@contextmanager
def showing(
    name: str,
    *,
    plain: bool,
    found: Callable[[], Readiness | None] = lambda: None,
    stages: Sequence[Stage] = STAGES,
) -> Iterator[Progress]:
    """Show a boot's progress while the block runs.

    Args:
        name: the node's.
        plain: lines on a terminal too, for whoever reads what this prints beside it.
        found: what was found of the machine so far, or None; asked in another thread.
        stages: those that the boot has, in order.
    """
    if plain or not sys.stderr.isatty():
        yield PlainProgress(name)
        return
    from rich.console import Console
    from rich.live import Live

    live = LiveProgress(name, found, stages)
    with Live(live, console=Console(stderr=True), refresh_per_second=8, transient=True):
        yield live
