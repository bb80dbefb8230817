"""One stream of the keeper: a console's or a process's bytes, stamped, recorded, and fanned out to its readers.

What is secret is taken out first, so that no record and no reader has it; offsets count what is left. It outlives the
ports and processes that it has one after the other; each is an incarnation. A recording that fails never stops the
reading. This module does not know where the bytes come from.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hil.clock import Deadline, WallAnchor, now_ns
from hil.console.recording import Recording
from hil.console.stream import Chunk
from hil.errors import InfrastructureError
from hil.keeper.backlog import Backlog, Cursor
from hil.keeper.loop import Loop
from hil.keeper.reader import Reader
from hil.redaction.redactor import Redactor
from hil.redaction.stream import RedactedStream

_JAMMED = 1 << 16
_LAST_WORDS = 4096


class Sink(Protocol):
    """Where bytes that readers send go: the port behind the stream."""

    def write(self, data: bytes) -> int:
        """How many bytes were taken now; when not all, `Stream.flush` is called as soon as more can be."""
        ...


class Stream:
    """The bytes of one name.

    Args:
        loop: serves the readers.
        name: as clients call it.
        record: base path of the first recording, or None.
        redactor: what is taken out; `hide` changes that.
        on_recording_error: told once, in words, when the recording fails.

    Raises:
        InfrastructureError: the recording cannot be made.
    """

    def __init__(
        self,
        loop: Loop,
        name: str,
        record: Path | None,
        redactor: Redactor,
        on_recording_error: Callable[[str], None],
    ) -> None:
        self.name = name
        self.received = 0
        self.incarnation = 0
        self.live = False
        self.recording_error: str | None = None
        self._loop = loop
        self._on_recording_error = on_recording_error
        self._clean = RedactedStream(redactor)
        self._backlog = Backlog()
        self._readers: set[Reader] = set()
        self._sink: Sink | None = None
        self._unsent = bytearray()
        self._unheard = 0
        self._recording: Recording | None = None
        self._base: Path | None = None
        self.record_in(record)

    @property
    def total(self) -> int:
        """Bytes so far, of all incarnations, without secrets; `received` has them as they came in."""
        return self._backlog.total

    @property
    def jammed(self) -> bool:
        """Whether so much waits for the port that readers must hold back what they send."""
        return len(self._unsent) >= _JAMMED

    @property
    def wants_to_write(self) -> bool:
        """Whether bytes wait for the port."""
        return bool(self._unsent)

    @property
    def lagging(self) -> bool:
        """Whether a reader still lacks something."""
        return any(reader.behind for reader in self._readers)

    def record_in(self, record: Path | None) -> None:
        """Record what comes from now on at another base path than before; nothing for None, or for the same.

        Call it between two incarnations: offsets go on, and the files before stay as they are.

        Raises:
            InfrastructureError: the recording cannot be made; the one before goes on.
        """
        if record is None or record == self._base:
            return
        recording = Recording(record, title=self.name, anchor=WallAnchor.take())
        if self._recording is not None:
            self._recording.close()
        self._recording, self._base, self.recording_error = recording, record, None
        self._backlog.use_log(recording.log_path)

    def begin(self, sink: Sink | None) -> None:
        """The next incarnation starts; what readers send goes to `sink`."""
        self.incarnation += 1
        self.live = True
        self._sink = sink

    def arrived(self, data: bytes) -> None:
        """Bytes came in just now, at most MAX_CHUNK."""
        self.received += len(data)
        self._show(self._clean.feed_at(data, now_ns()))
        self._await_quiet()

    def hide(self, redactor: Redactor) -> None:
        """Take other secrets out from now on."""
        self._clean.use(redactor)

    def end(self) -> None:
        """The incarnation is over; nothing when none is on."""
        if self.live:
            self.live = False
            self._sink = None
            self._unheard += len(self._unsent)
            self._unsent.clear()
            self._show(self._clean.rest_at())
            self._await_quiet()
            self._add(Chunk(now_ns(), self.incarnation, self.total, b""))

    def attach(self, connection: socket.socket, start: int | None) -> None:
        """Serve a connected socket from byte `start` (None: from now on), and own it from here."""
        reader = Reader(self._loop, self, connection, self._backlog.cursor(start))
        self._readers.add(reader)
        reader.pump()

    def next(self, cursor: Cursor) -> Chunk | None:
        """The next chunk for a reader's cursor; None when it has all."""
        return self._backlog.next(cursor)

    def forget(self, reader: Reader) -> None:
        """A reader has gone."""
        self._readers.discard(reader)

    def send(self, data: bytes) -> None:
        """Write to the port, now or when it takes it. Lost, and counted, while there is no port."""
        if self._sink is None:
            self._unheard += len(data)
        else:
            self._unsent += data
            self.flush()

    def flush(self) -> None:
        """Give the port what it takes now."""
        was_jammed = self.jammed
        while self._sink is not None and self._unsent:
            piece = bytes(self._unsent[:_JAMMED])
            taken = self._sink.write(piece)
            del self._unsent[:taken]
            if taken < len(piece):
                break
        if was_jammed and not self.jammed:
            for reader in tuple(self._readers):
                reader.watch()

    def last_words(self) -> str:
        """What the present or last incarnation said, its last 4 KiB of text, without secrets."""
        cursor, said = self._backlog.cursor(max(0, self.total - _LAST_WORDS)), b""
        while (chunk := self._backlog.next(cursor)) is not None:
            said += chunk.data
        return said.decode("utf-8", "replace").strip()

    def close(self) -> None:
        """End the incarnation, the recording and the readers."""
        self.end()
        for reader in tuple(self._readers):
            reader.close()
        if self._recording is not None:
            self._recording.close()

    def status(self) -> dict[str, object]:
        """What `Keeper.status` says of this stream."""
        return {
            "bytes": self.total,
            "incarnation": self.incarnation,
            "live": self.live,
            "readers": len(self._readers),
            "recorded": self._recording is not None,
            "recording_error": self.recording_error,
            "waiting_bytes": len(self._unsent),
            "unheard_bytes": self._unheard,
        }

    def _await_quiet(self) -> None:
        patience = self._clean.patience
        quiet = None if patience is None else Deadline.after(patience)
        self._loop.set_timer(self, quiet, lambda: self._show(self._clean.release()))

    def _show(self, pieces: list[tuple[int, bytes]]) -> None:
        for stamp, data in pieces:
            self._add(Chunk(stamp, self.incarnation, self.total, data))

    def _add(self, chunk: Chunk) -> None:
        self._backlog.add(chunk, logged=self._record(chunk))
        # An end of an incarnation also frees readers that a full port held back.
        for reader in tuple(self._readers):
            reader.pump()

    def _record(self, chunk: Chunk) -> bool:
        if self._recording is None or self.recording_error is not None:
            return False
        try:
            self._recording.append(chunk)
        except InfrastructureError as error:
            self.recording_error = error.message
            self._on_recording_error(error.message)
            return False
        return True
