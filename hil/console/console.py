"""The console of one node: waiting for words, sending, and noticing death. For one thread.

It reads a feed (stamped chunks from the keeper) into a transcript and searches that. A wait sleeps in `select` until
bytes arrive or its deadline passes; it ends at once when a death pattern appears or the incarnation ends. Between two
waits nothing is missed: the cursor moves to the end of what was found, and only a new incarnation moves it further.
Who records and who opens ports is not known here.
"""

from __future__ import annotations

import contextlib
import selectors
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.console.deaths import DEFAULT_DEATHS, Death, check_names
from hil.console.deathwatch import Casualty, DeathWatch
from hil.console.expect import Bounded, Found, PatternLike, Search, bounded, found
from hil.console.stream import Feed, FeedClosed, StreamCorrupt
from hil.console.transcript import Transcript
from hil.errors import HilError, InfrastructureError, NodeError, UsageError

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly to send, for a UART that loses bytes when it gets them at once.

    Args:
        chunk: bytes sent together, at least 1.
        interval: seconds between two chunks.
    """

    chunk: int = 16
    interval: float = 0.02


class Console:
    """What a test talks to as `node.console`.

    Args:
        feed: the stream; the console closes it in `close`.
        name: of the node, for messages.
        deaths: what ends any wait; see `hil.console.deaths`.
        record: where the recording is, for messages.
        over: the last incarnation that is known to be over, though its end may still be to come; 0 for none.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        name: str,
        deaths: Sequence[Death] = DEFAULT_DEATHS,
        record: Path | None = None,
        over: int = 0,
    ) -> None:
        self.name = name
        self.record = record
        self.transcript = Transcript()
        self._feed = feed
        self._cursor = 0
        self._watch = DeathWatch(deaths, self.transcript, 0, buried=over)

    @property
    def cursor(self) -> int:
        """Offset in the stream where the next search begins; never before the present incarnation."""
        return max(self._cursor, self.transcript.current.start)

    def fileno(self) -> int:
        """Readable (select) when `poll` has something to take in."""
        return self._feed.fileno()

    def close(self) -> None:
        """Stop reading; the stream and its recording go on."""
        self._feed.close()

    def poll(self) -> bool:
        """Take in what has arrived, without waiting; says whether anything has.

        Raises:
            NodeError, InfrastructureError: a death pattern appeared.
            InfrastructureError: the stream was closed.
        """
        news = self._take()
        self.check_deaths()
        return news

    def check_deaths(self) -> None:
        """Raise the death that this incarnation has died, if it has: NodeError or InfrastructureError."""
        casualty = self._watch.look()
        if casualty is not None:
            raise self._death(casualty)

    def expect(self, *patterns: PatternLike, within: float | Deadline, deaths: Sequence[Death] | None = None) -> Found:
        """Wait until one of the patterns is there, from the cursor on, and move the cursor behind it.

        Of those present the one that starts first counts, then the one named first. A death that starts before it
        wins.

        Args:
            patterns: regular expressions, str (meaning its UTF-8) or bytes; each bounded to 64 KiB.
            within: seconds, or a deadline.
            deaths: instead of the console's own list, for this wait.

        Raises:
            NodeError: not found in time, the incarnation ended, or it died.
            InfrastructureError: it died of the bench, or the stream was closed.
            UsageError: no pattern, or one without a bound.
        """
        wanted = [bounded(pattern) for pattern in patterns]
        if not wanted:
            raise UsageError("expect was given no pattern", hint='name what to wait for: expect("login:", within=30)')
        deadline = Deadline.of(within)
        if deaths is None:
            return self._expect(wanted, deadline, self._watch)
        with self._watch.aside():
            watch = DeathWatch(deaths, self.transcript, self.cursor, buried=self._watch.buried)
            result = self._expect(wanted, deadline, watch)
        self._watch.resume(result.end)
        return result

    def send(self, data: str | bytes, *, pace: Pace | None = None) -> None:
        """Type, all of it; a str is sent as UTF-8.

        Args:
            data: what to send.
            pace: how slowly; None for at once. What the machine says meanwhile is taken in.

        Raises:
            InfrastructureError: the stream was closed.
            NodeError: the machine died while it was typed to.
        """
        raw = data.encode() if isinstance(data, str) else data
        step = len(raw) if pace is None else max(1, pace.chunk)
        for start in range(0, len(raw), step or 1):
            if start and pace is not None:
                self._listen(Deadline.after(pace.interval))
            try:
                self._feed.write(raw[start : start + step])
            except FeedClosed as error:
                raise self._closed() from error

    def send_line(self, line: str | bytes = "", *, pace: Pace | None = None, end: bytes = b"\r") -> None:
        """Type a line and the return key (carriage return, as a terminal sends it)."""
        raw = line.encode() if isinstance(line, str) else line
        self.send(raw + end, pace=pace)

    def run(self, command: str, *, prompt: PatternLike, within: float | Deadline, pace: Pace | None = None) -> bytes:
        """Type a command at a prompt and return what the machine says until the next prompt, echo included.

        Raises: as `expect` and `send`.
        """
        self._take()
        start = self._cursor = self.transcript.end
        self.send_line(command, pace=pace)
        prompted = self.expect(prompt, within=within)
        return self.transcript.bytes(start, prompted.start)

    @contextlib.contextmanager
    def expecting_death(self, *names: str) -> Iterator[None]:
        """Within the block these deaths are overlooked (without names: all), for tests that provoke them.

        Raises:
            UsageError: no death pattern has such a name.
        """
        check_names(self._watch.deaths, names)
        self._take()
        with self._watch.aside(*names):
            yield
            self._take()

    def rearm(self) -> None:
        """Count death patterns anew from here: the machine is ready, or is about to be reset on purpose."""
        self._watch.rearm()

    def bury(self, incarnation: int) -> None:
        """The machine is about to begin anew: what still arrives of this incarnation, and its end, is none of the
        next one's."""
        self._watch.bury(incarnation)

    def tail(self, lines: int = _SHOWN) -> list[str]:
        """The last lines, safe to print."""
        return self.transcript.tail(lines)

    def _expect(self, wanted: Sequence[Bounded], deadline: Deadline, watch: DeathWatch) -> Found:
        self._take()
        segment = self.transcript.current
        # A wait may begin before the machine is on; once it is on, its end ends the wait.
        live = self._live(segment.incarnation) if not self.transcript.ended else 0
        search = Search(wanted, self.cursor - segment.start)
        while True:
            hit = search.look(segment.data) if self._live(segment.incarnation) else None
            casualty = watch.look()
            if hit is not None and (casualty is None or segment.start + hit[1].start() < casualty.start):
                self._cursor = segment.start + hit[1].end()
                return found(wanted, hit, segment.start, self.transcript.stamp_at(self._cursor - 1))
            if casualty is not None:
                raise self._death(casualty)
            if live and (self.transcript.ended or self.transcript.incarnation != live):
                raise self._ended(wanted, live)
            if segment is not self.transcript.current:
                segment, search = self.transcript.current, Search(wanted, 0)
                live = self._live(segment.incarnation)
                continue
            if deadline.expired:
                raise self._late(wanted, deadline)
            self._wait(deadline)
            self._take()

    def _live(self, incarnation: int) -> int:
        """The incarnation, or 0 where it is known to be over."""
        return incarnation if incarnation > self._watch.buried else 0

    def _listen(self, deadline: Deadline) -> None:
        """Take in what arrives until the deadline."""
        while not deadline.expired:
            self._wait(deadline)
            self.poll()

    def _wait(self, deadline: Deadline) -> None:
        with selectors.PollSelector() as selector:
            selector.register(self._feed, selectors.EVENT_READ)
            selector.select(deadline.remaining())

    def _take(self) -> bool:
        try:
            chunks = self._feed.read()
        except (FeedClosed, StreamCorrupt) as error:
            raise self._closed() from error
        for chunk in chunks:
            self.transcript.append(chunk)
            # Each incarnation is looked at on its own, however many one read brings.
            self._watch.look()
        return bool(chunks)

    def _evidence(self, first: str = "") -> list[str | Path]:
        """The last lines and the record, and before them the line that matters where they have left it behind."""
        last = self.tail()
        shown = [first[-512:]] if first and not any(first[-512:] in line for line in last) else []
        return [*shown, *last, *([] if self.record is None else [self.record])]

    def _death(self, casualty: Casualty) -> HilError:
        kind = InfrastructureError if casualty.death.fault == "bench" else NodeError
        message = f"{self.name}: {casualty.explanation}"
        return kind(message, hint=casualty.death.hint, evidence=self._evidence(casualty.line))

    def _ended(self, wanted: Sequence[Bounded], incarnation: int) -> NodeError:
        return NodeError(
            f"{self.name}: the machine went off (incarnation {incarnation} ended) while {_named(wanted)} was awaited",
            hint="read its last lines: it powered off, was switched off, or its emulator ended",
            evidence=self._evidence(),
        )

    def _late(self, wanted: Sequence[Bounded], deadline: Deadline) -> NodeError:
        state = "; the machine is off" if self.transcript.ended else ""
        said = self.transcript.end - self.cursor
        since = f"{said} bytes came since the last match" if said else "nothing was said since the last match"
        return NodeError(
            f"{self.name}: {_named(wanted)} was not on the console within {deadline}; {since}{state}",
            hint="compare the last lines with what was awaited; if the machine was still at work, allow more time",
            evidence=self._evidence(),
        )

    def _closed(self) -> InfrastructureError:
        return InfrastructureError(
            f"{self.name}: the console's stream was closed",
            hint="the bench was closed, or its keeper ended: see the keeper's log in the bench's folder",
            evidence=self._evidence(),
        )


def _named(wanted: Sequence[Bounded]) -> str:
    return " or ".join(repr(pattern.shown) for pattern in wanted)
