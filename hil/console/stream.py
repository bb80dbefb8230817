"""What travels from the keeper to whoever reads a console: chunks of bytes, stamped where they arrived.

The wire form is one header and the bytes, in one direction; the other direction is the plain bytes to send
to the port. This module opens nothing and waits for nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

_HEADER = struct.Struct(">QIQI")


class StreamCorrupt(ValueError):
    """The bytes are not what `encode` makes."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes of one stream, as one read returned them.

    Args:
        stamp_ns: when they arrived, ns of the one clock (`hil.clock.now_ns`).
        incarnation: which process or power session of the machine they came from, from 1.
        offset: where the first byte stands in the whole stream (all incarnations), from 0.
        data: the bytes; empty only to say that an incarnation ended.
    """

    stamp_ns: int
    incarnation: int
    offset: int
    data: bytes


MAX_CHUNK = 1 << 16


def encode(chunk: Chunk) -> bytes:
    """The chunk as it goes over the fan-out socket."""
    return _HEADER.pack(chunk.stamp_ns, chunk.incarnation, chunk.offset, len(chunk.data)) + chunk.data


class ChunkDecoder:
    """Turns the bytes of a fan-out socket, cut anywhere, back into chunks."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Chunk]:
        """The chunks that `data` completes.

        Raises:
            StreamCorrupt: a header announces more than MAX_CHUNK bytes.
        """
        self._pending += data
        chunks: list[Chunk] = []
        start = 0
        while len(self._pending) - start >= _HEADER.size:
            stamp, incarnation, offset, length = _HEADER.unpack_from(self._pending, start)
            if length > MAX_CHUNK:
                raise StreamCorrupt(f"a chunk of {length} bytes was announced; at most {MAX_CHUNK} are sent")
            end = start + _HEADER.size + length
            if len(self._pending) < end:
                break
            chunks.append(Chunk(stamp, incarnation, offset, bytes(self._pending[start + _HEADER.size : end])))
            start = end
        del self._pending[:start]
        return chunks


class FeedClosed(Exception):
    """The other end is gone: its keeper ended, or the stream was closed. Never shown to a user as it is."""


class Feed(Protocol):
    """What a reader of a stream holds; the keeper's fan-out in production."""

    def fileno(self) -> int:
        """Readable (select) when `read` has something to return."""
        ...

    def read(self) -> list[Chunk]:
        """What has arrived, without waiting; [] when nothing has. Raises FeedClosed at the end."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes to the port behind the stream, all of them. Raises FeedClosed when it is gone."""
        ...

    def close(self) -> None:
        """Stop reading; the stream itself goes on."""
        ...
