"""A reader's end of one stream: hil.console.stream.Feed over a socket to the keeper."""

from __future__ import annotations

import select
import socket

from hil.clock import Deadline
from hil.console.stream import Chunk, ChunkDecoder, FeedClosed
from hil.errors import InfrastructureError

_READ_SIZE = 1 << 18
_WRITE_SECONDS = 10.0


class SocketFeed:
    """A stream's chunks from a connected socket, which it owns.

    Args:
        name: the stream's, for messages.
        connection: a socket that carries nothing but chunks from here on.
    """

    def __init__(self, name: str, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.name = name
        self._socket = connection
        self._decoder = ChunkDecoder()

    def fileno(self) -> int:
        """Readable when `read` has something to return; -1 once closed."""
        return self._socket.fileno()

    def read(self) -> list[Chunk]:
        """What has arrived, without waiting; [] when nothing has.

        Raises:
            FeedClosed: the keeper ended, or this feed was closed.
        """
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return []
        except OSError as error:
            raise FeedClosed(f"{self.name}: {error.strerror}") from error
        if not data:
            raise FeedClosed(f"{self.name}: the keeper has ended")
        return self._decoder.feed(data)

    def write(self, data: bytes) -> None:
        """Send bytes to the port behind the stream, all of them.

        Raises:
            FeedClosed: the keeper ended, or this feed was closed.
            InfrastructureError: the port took none for ten seconds.
        """
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left, socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                self._await_room(Deadline.after(_WRITE_SECONDS))
            except OSError as error:
                raise FeedClosed(f"{self.name}: {error.strerror}") from error

    def close(self) -> None:
        """Stop reading; the stream itself goes on."""
        self._socket.close()

    def __enter__(self) -> SocketFeed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _await_room(self, deadline: Deadline) -> None:
        _, writable, _ = select.select([], [self._socket], [], deadline.remaining())
        if not writable:
            raise InfrastructureError(
                f"{self.name} took no more bytes for {deadline.within:g} s",
                hint="see whether the machine reads its console (hardware flow control, a stopped guest)",
            )
