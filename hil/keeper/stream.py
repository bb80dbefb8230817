"""One stream of the keeper: a console's or a process's bytes, stamped, recorded, and fanned out to its readers.

It outlives the ports and processes that it has one after the other; each is an incarnation. A recording that fails
never stops the reading. This module does not know where the bytes come from.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hil.clock import WallAnchor, now_ns
from hil.console.recording import Recording
from hil.console.stream import Chunk, encode
from hil.errors import InfrastructureError
from hil.keeper.backlog import Backlog, Cursor
from hil.keeper.loop import Loop

_UNSENT = 1 << 16


class Sink(Protocol):
    """Where bytes that readers send go: the port behind the stream."""

    def fileno(self) -> int: ...

    def write(self, data: bytes) -> int:
        """How many bytes were taken now."""
        ...


class Stream:
    """The bytes of one name.

    Args:
        loop: serves the readers.
        name: as clients call it.
        record: base path of the recording, or None.
        changed: told in words when something happened that a person should know.

    Raises:
        InfrastructureError: the recording cannot be made.
    """

    def __init__(
        self, loop: Loop, name: str, record: Path | None, changed: Callable[[str], None] | None = None
    ) -> None:
        self.name = name
        self.incarnation = 0
        self.live = False
        self.recording_error: str | None = None
        self.unheard = 0
        self._loop = loop
        self._changed = changed
        self._backlog = Backlog()
        self._readers: set[Reader] = set()
        self._unsent = bytearray()
        self.sink: Sink | None = None
        self._recording: Recording | None = None
        self._log: int | None = None
        if record is not None:
            self._recording = Recording(record, title=name, anchor=WallAnchor.take())
            self._log = os.open(self._recording.log_path, os.O_RDONLY | os.O_CLOEXEC)
            self._backlog.use_log(self._log)

    @property
    def total(self) -> int:
        """Bytes so far."""
        return self._backlog.total

    def begin(self, sink: Sink | None) -> None:
        """The next incarnation starts; what readers send goes to `sink`."""
        self.incarnation += 1
        self.live = True
        self.sink = sink

    def arrived(self, data: bytes) -> None:
        """Bytes came in just now, at most MAX_CHUNK."""
        self._add(Chunk(now_ns(), self.incarnation, self.total, data))

    def end(self) -> None:
        """The incarnation is over."""
        if self.live:
            self.live = False
            self.sink = None
            self.unheard += len(self._unsent)
            self._unsent.clear()
            self._resume_readers()
            self._add(Chunk(now_ns(), self.incarnation, self.total, b""))

    def attach(self, connection: socket.socket, start: int | None) -> None:
        """Serve a connected socket from byte `start` (None: from now on), and own it from here."""
        reader = Reader(self, connection, self._backlog.cursor(start))
        self._readers.add(reader)
        reader.pump()

    def send(self, data: bytes) -> None:
        """Write to the port; what it does not take now goes later. Lost, and counted, while there is no port."""
        if self.sink is None:
            self.unheard += len(data)
            return
        self._unsent += data
        self.flush()

    def flush(self) -> None:
        """Give the port what it takes now."""
        if self.sink is not None and self._unsent:
            taken = self.sink.write(bytes(self._unsent[:_UNSENT]))
            del self._unsent[:taken]
        if len(self._unsent) < _UNSENT:
            self._resume_readers()

    @property
    def wants_to_write(self) -> bool:
        """Whether bytes wait for the port."""
        return bool(self._unsent)

    @property
    def jammed(self) -> bool:
        """Whether so much waits for the port that readers must hold back theirs."""
        return len(self._unsent) >= _UNSENT

    def close(self) -> None:
        """End the incarnation, the recording and the readers."""
        self.end()
        for reader in tuple(self._readers):
            reader.pump()
            reader.close()
        if self._recording is not None:
            self._recording.close()
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def status(self) -> dict[str, object]:
        """What `Keeper.status` says of this stream."""
        return {
            "bytes": self.total,
            "incarnation": self.incarnation,
            "live": self.live,
            "readers": len(self._readers),
            "recorded": self._recording is not None,
            "recording_error": self.recording_error,
            "unheard_bytes": self.unheard,
        }

    def _add(self, chunk: Chunk) -> None:
        logged = False
        if self._recording is not None and self.recording_error is None:
            try:
                self._recording.append(chunk)
                logged = True
            except InfrastructureError as error:
                self.recording_error = error.message
        self._backlog.add(chunk, logged=logged)
        for reader in tuple(self._readers):
            reader.pump()
        if self._changed is not None and not logged and self.recording_error is not None:
            changed, self._changed = self._changed, None
            changed(self.recording_error)

    def _resume_readers(self) -> None:
        for reader in tuple(self._readers):
            reader.listen_again()

    def next(self, cursor: Cursor) -> Chunk | None:
        """The next chunk for a reader."""
        return self._backlog.next(cursor)

    def forget(self, reader: Reader) -> None:
        """A reader went."""
        self._readers.discard(reader)

    def rewatch(self, reader: Reader) -> None:
        """Watch a reader's socket for what it can do now."""
        self._loop.watch(
            reader.fileno(),
            read=None if self.jammed else reader.hear,
            write=reader.pump if reader.behind else None,
        )

    def unwatch(self, reader: Reader) -> None:
        """Watch it no longer."""
        self._loop.watch(reader.fileno())


class Reader:
    """One connected reader of a stream; holds up nobody but itself.

    Args:
        stream: what it reads.
        connection: its socket, owned from here.
        cursor: where it starts.
    """

    def __init__(self, stream: Stream, connection: socket.socket, cursor: Cursor) -> None:
        connection.setblocking(False)
        self._stream = stream
        self._connection = connection
        self._cursor = cursor
        self._frame = b""

    @property
    def behind(self) -> bool:
        """Whether its socket was full when last tried."""
        return bool(self._frame)

    def fileno(self) -> int:
        """Its descriptor."""
        return self._connection.fileno()

    def pump(self) -> None:
        """Send what there is until the socket is full, at most 16 chunks so that others get their turn."""
        for _ in range(16):
            if not self._frame:
                chunk = self._stream.next(self._cursor)
                if chunk is None:
                    break
                self._frame = encode(chunk)
            try:
                sent = self._connection.send(self._frame, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            self._frame = self._frame[sent:]
        else:
            self._frame = self._frame or self._next_frame()
        self._stream.rewatch(self)

    def hear(self) -> None:
        """Take what the reader sends to the port."""
        try:
            data = self._connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._stream.send(data)
            self.listen_again()
        else:
            self.close()

    def listen_again(self) -> None:
        """Hear it, or not, according to whether the port keeps up."""
        if self.fileno() >= 0:
            self._stream.rewatch(self)

    def close(self) -> None:
        """Hang up."""
        if self.fileno() >= 0:
            self._stream.unwatch(self)
            self._stream.forget(self)
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            self._connection.close()

    def _next_frame(self) -> bytes:
        chunk = self._stream.next(self._cursor)
        return b"" if chunk is None else encode(chunk)
