"""What a watch of a boot listens to besides the console: the protocols that it needs kept. Watches nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hil.boot import Boot
from hil.timeline.timeline import Mark, Timeline
from hil.timeline.trouble import Trouble


class Served(Protocol):
    """What Matchbox did for this node, as a source of marks."""

    def fileno(self) -> int:
        """Readable when `take` may have something."""
        ...

    def take(self) -> list[Mark]:
        """New marks. Raises NodeError when Matchbox had nothing for this node."""
        ...

    @property
    def profile(self) -> str | None:
        """The profile that Matchbox chose for this node, when it did."""
        ...

    def close(self) -> None:
        """Stop following."""
        ...


class ReadySign(Protocol):
    """How one knows that the image does what its owner calls ready."""

    def check(self, boot: Boot) -> Mark | None:
        """The mark of being ready, or None; takes well under a second.

        Raises:
            NodeError: it cannot become ready any more.
        """
        ...

    def news(self) -> list[Mark]:
        """Marks of what it saw since the last call, other than that of being ready."""
        ...

    def begin_again(self) -> None:
        """The machine was reset on purpose: what was seen before no longer counts."""
        ...

    @property
    def awaited(self) -> str:
        """What is awaited, in a person's words."""
        ...

    @property
    def evidence(self) -> list[str]:
        """What it found so far, line by line, for an error; [] where the console has it all."""
        ...

    @property
    def interval(self) -> float:
        """Seconds between two checks when nothing arrives."""
        ...


class Bootloader(Protocol):
    """What runs on a board before the firmware that its image needs, and which files that fetches."""

    def fileno(self) -> int | None:
        """Readable when `take` may have something besides what the console says; None where nothing ever is."""
        ...

    def take(self) -> list[Mark]:
        """New marks. Raises InfrastructureError when the bench no longer serves it."""
        ...

    def trouble(self, timeline: Timeline, meter: Callable[[], str], *, late: bool) -> Trouble | None:
        """Why it does not get on; None while it may yet, or where nobody knows.

        Args:
            timeline: of the boot so far.
            meter: what the machine's meter has read, in words, when it is asked; "" where it has none.
            late: whether its time is up, so that what is likely is said too.
        """
        ...

    def begin_again(self) -> None:
        """The machine is about to start again on purpose."""
        ...

    def close(self) -> None:
        """Stop following."""
        ...
