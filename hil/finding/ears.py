"""All serial lines at once: opened by the keeper, which stamps each byte, and read here. Types nothing."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Self

from hil.clock import Deadline
from hil.config.serial import ConsoleConfig
from hil.console.stream import Feed, FeedClosed
from hil.console.transcript import Transcript
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.machines.board.board import port_of


@dataclass(frozen=True, slots=True)
class Line:
    """One serial line that is listened to.

    Args:
        name: what a person calls it: its device file, or its address.
        config: which it is, and its speed.
    """

    name: str
    config: ConsoleConfig


class Ears:
    """Every line's transcript, which `listen` lets grow. Closed at the end of its `with` block.

    Args:
        keeper: opens the lines, and closes them at its end.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._lines: dict[str, Transcript] = {}
        self._feeds: dict[str, Feed] = {}
        self._open = ExitStack()

    @property
    def transcripts(self) -> Mapping[str, Transcript]:
        """What each line has said, by its name."""
        return self._lines

    def add(self, line: Line) -> None:
        """Listen to one more.

        Raises:
            InfrastructureError: it cannot be opened, or another program has it, which is named.
        """
        stream = f"console:line{len(self._lines) + 1}"
        self._keeper.open_console(stream, port_of(line.config), None)
        self._feeds[line.name] = self._open.enter_context(closing(self._keeper.attach(stream)))
        self._lines[line.name] = Transcript()

    def listen(self, deadline: Deadline) -> None:
        """Take in what is said until the deadline.

        Raises:
            InfrastructureError: the keeper has died.
        """
        with selectors.DefaultSelector() as selector:
            for name, feed in self._feeds.items():
                selector.register(feed, selectors.EVENT_READ, name)
            while True:
                for key, _ in selector.select(deadline.remaining()):
                    self._take(key.data)
                if deadline.expired:
                    return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _take(self, name: str) -> None:
        try:
            chunks = self._feeds[name].read()
        except FeedClosed as error:
            raise InfrastructureError(
                f"{name}: nobody reads this line any more: {error}", hint="begin again; report this if it comes again"
            ) from error
        for chunk in chunks:
            self._lines[name].append(chunk)


def open_ears(ears: Ears, wanted: Sequence[Line], extra: Sequence[Line], tell: Callable[[str], None]) -> None:
    """Open the lines.

    Args:
        ears: theirs.
        wanted: those that a person named.
        extra: those that are merely there: one that cannot be had is passed over.
        tell: told of these.

    Raises:
        InfrastructureError: one of those that a person named cannot be opened.
    """
    for line in wanted:
        ears.add(line)
    for line in extra:
        try:
            ears.add(line)
        except InfrastructureError as error:
            tell(f"not listened to: {error.message}")
