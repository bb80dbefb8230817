"""A feed in memory: a socket pair stands for the keeper's fan-out, chunks are given by the test."""

from __future__ import annotations

import socket
from collections.abc import Callable

from hil.clock import now_ns
from hil.console.stream import Chunk, ChunkDecoder, FeedClosed, encode


class Wire:
    """Both ends: `feed` methods for the console, the rest for the test."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.settimeout(5)
        self._decoder = ChunkDecoder()
        self.incarnation = 1
        self.offset = 0
        self.written: list[bytes] = []
        self.on_write: Callable[[bytes], None] = lambda data: None

    def fileno(self) -> int:
        return self._ours.fileno()

    def read(self) -> list[Chunk]:
        try:
            data = self._ours.recv(1 << 20)
        except BlockingIOError:
            return []
        if not data:
            raise FeedClosed
        return self._decoder.feed(data)

    def write(self, data: bytes) -> None:
        if self._theirs.fileno() < 0:
            raise FeedClosed
        self.written.append(data)
        self.on_write(data)

    def close(self) -> None:
        self._ours.close()

    def says(self, data: bytes, stamp_ns: int | None = None) -> None:
        """The machine prints; b"" ends its incarnation."""
        stamp = now_ns() if stamp_ns is None else stamp_ns
        chunk = Chunk(stamp, self.incarnation, self.offset, data)
        # First, since who reads this in another thread may go on at once, and say what comes next.
        self.offset += len(data)
        self._theirs.sendall(encode(chunk))

    def ends(self) -> None:
        """The incarnation ends; what is said next is the next one's."""
        self.says(b"")
        self.incarnation += 1

    def hang_up(self) -> None:
        """The keeper goes away."""
        self._theirs.close()
