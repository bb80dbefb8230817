"""One connected reader of a stream, as the keeper serves it: it may be slow or dead, and holds up nobody but itself.

Keeps one unsent chunk and a cursor, however far behind it is.
"""

from __future__ import annotations

import socket
from typing import Protocol

from hil.console.stream import Chunk, encode
from hil.keeper.backlog import Cursor
from hil.keeper.loop import Loop

_CHUNKS_A_TURN = 16


class Readable(Protocol):
    """What a reader needs of its stream."""

    @property
    def jammed(self) -> bool:
        """Whether the port takes so little that readers must hold back what they send."""
        ...

    def next(self, cursor: Cursor) -> Chunk | None:
        """The next chunk for a cursor; None when it has all."""
        ...

    def send(self, data: bytes) -> None:
        """Send bytes to the port."""
        ...

    def forget(self, reader: Reader) -> None:
        """Told once, when the reader has gone."""
        ...


class Reader:
    """A feed's other end.

    Args:
        loop: serves it.
        stream: what it reads.
        connection: its socket, owned from here.
        cursor: where it starts.
    """

    def __init__(self, loop: Loop, stream: Readable, connection: socket.socket, cursor: Cursor) -> None:
        connection.setblocking(False)
        self._loop = loop
        self._stream = stream
        self._socket = connection
        self._cursor = cursor
        self._frame = b""

    @property
    def behind(self) -> bool:
        """Whether it still lacks something."""
        return bool(self._frame)

    def pump(self) -> None:
        """Send what there is until its socket is full; at most some chunks, so that others get their turn."""
        for _ in range(_CHUNKS_A_TURN):
            self._load()
            if not self._frame:
                break
            try:
                sent = self._socket.send(self._frame, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            self._frame = self._frame[sent:]
        self._load()
        self.watch()

    def watch(self) -> None:
        """Wait for what it can do now; nothing when it has gone."""
        if self._socket.fileno() >= 0:
            self._loop.watch(
                self._socket.fileno(),
                read=None if self._stream.jammed else self._hear,
                write=self.pump if self._frame else None,
            )

    def close(self) -> None:
        """Hang up; more than once does no harm."""
        if self._socket.fileno() >= 0:
            self._loop.watch(self._socket.fileno())
            self._socket.close()
            self._stream.forget(self)

    def _load(self) -> None:
        if not self._frame:
            chunk = self._stream.next(self._cursor)
            self._frame = b"" if chunk is None else encode(chunk)

    def _hear(self) -> None:
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._stream.send(data)
            self.watch()
        else:
            self.close()
