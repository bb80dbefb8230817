"""What becomes of the line to a board's console, as the keeper that has it tells: gone, and back. Reads no console."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from hil.console.stream import FeedClosed
from hil.keeper.client import Keeper
from hil.keeper.console import BACK, LOST
from hil.keeper.holdings import EVENTS
from hil.keeper.protocol import BadMessage, Fields, decode
from hil.timeline.events import Event

# The keeper notices at its next read; one that sleeps on a busy host is late by this much at most, as for a console.
_ERROR_NS: Final = 5_000_000


class LineEvents:
    """Keeps the protocol Events of `hil.machine` for one console.

    Args:
        keeper: has the line.
        stream: the keeper's name for the console.
    """

    def __init__(self, keeper: Keeper, stream: str) -> None:
        self._feed = keeper.attach(EVENTS, start=None)
        self._stream = stream
        self._pending = b""

    def fileno(self) -> int:
        """Readable when the keeper has said anything, of whichever stream."""
        return self._feed.fileno()

    def take(self) -> list[Event]:
        """The events of this console since the last call, without waiting; none once the keeper has ended."""
        with suppress(FeedClosed):
            self._pending += b"".join(chunk.data for chunk in self._feed.read())
        *lines, self._pending = self._pending.split(b"\n")
        found = (self._event(line) for line in lines)
        return [event for event in found if event is not None]

    def close(self) -> None:
        """Stop following."""
        self._feed.close()

    def _event(self, line: bytes) -> Event | None:
        try:
            fields = Fields(decode(line))
            name = fields.text("event")
            if name not in (LOST, BACK) or fields.text("name") != self._stream:
                return None
            return Event(fields.number("at_ns"), _ERROR_NS, "keeper", name, fields.text("why"))
        except BadMessage:
            return None
