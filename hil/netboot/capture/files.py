"""Writes packets.pcapng and packets.idx, side by side and only so far, and packets.note where something is missing.

The formats: pcapng is draft-ietf-opsawg-pcapng (section header, interface description, enhanced packet blocks); the
index is read by `hil.timeline.packets.stamps`, which describes it.
"""

from __future__ import annotations

import os
import struct
import time

PCAPNG, INDEX, NOTE = "packets.pcapng", "packets.idx", "packets.note"
_BLOCK = struct.Struct("<IIIIIII")
_ENHANCED = 6
_AROUND = 32
_ETHERNET = 1
_PADDING = (b"", bytes(3), bytes(2), bytes(1))

Found = tuple[int, int, int, int, int, int]
"""A packet in a piece of bytes: its first byte, the one after its last, its length on the wire, and the three stamps
that `Files.add` takes."""


class Files:
    """The two files of one capture, open from here to `close`.

    Args:
        folder: where.
        limit: bytes of packets.pcapng; a packet that would go beyond is the end of what is kept.
        comment: what the file says of itself to whoever opens it.
        interface: where the packets were seen, as the file calls it.
        certain: between `looked` and `arrived` of each packet it was sent, and there is no third stamp.

    Raises:
        OSError: they cannot be made.
    """

    def __init__(
        self, folder: str, limit: int, comment: str, *, interface: str = "net0", certain: bool = False
    ) -> None:
        self._folder = folder
        self._left = limit
        self.monotonic_ns, self.wall_ns = time.monotonic_ns(), time.time_ns()
        self._packets, self._index = _new(folder, PCAPNG), -1
        try:
            self._index = _new(folder, INDEX)
            _write(self._packets, _section(comment) + _interface(interface))
            _write(self._index, struct.pack("<8sqqq", b"HILPKT1\0", self.monotonic_ns, self.wall_ns, certain))
        except OSError:
            self.close()
            raise
        self._blocks: list[bytes] = []
        self._rows: list[int] = []

    def add(self, kept: bytes, length: int, looked: int, arrived: int, virtual: int) -> bool:
        """Add one packet; whether there was room for it.

        Args:
            kept: its first bytes.
            length: on the wire.
            looked: when it had certainly not been sent, as the pipe was seen empty, ns of the one clock.
            arrived: when it certainly had been, ns of the one clock.
            virtual: QEMU's own stamp, ns; 0 where there is none.
        """
        captured = len(kept)
        total = _AROUND + (captured + 3 & ~3)
        self._left -= total
        if self._left < 0:
            return False
        wall = self.wall_ns + arrived - self.monotonic_ns
        head = _BLOCK.pack(_ENHANCED, total, 0, wall >> 32, wall & 0xFFFFFFFF, captured, length)
        self._blocks += (head, kept, _PADDING[captured % 4], total.to_bytes(4, "little"))
        self._rows += (looked, arrived, virtual)
        return True

    def flush(self) -> None:
        """Write what was added; OSError when it cannot be written."""
        if self._blocks:
            blocks, rows = b"".join(self._blocks), struct.pack(f"<{len(self._rows)}q", *self._rows)
            self._blocks, self._rows = [], []
            _write(self._packets, blocks)
            _write(self._index, rows)

    def note(self, text: str) -> None:
        """Say beside the files what is missing in them."""
        descriptor = os.open(os.path.join(self._folder, NOTE), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)  # noqa: PTH118 - pathlib takes 10 ms to import
        try:
            _write(descriptor, text.encode() + b"\n")
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close both; what was not flushed is not written."""
        for descriptor in (self._packets, self._index):
            if descriptor >= 0:
                os.close(descriptor)
        self._packets = self._index = -1


def _new(folder: str, name: str) -> int:
    path = os.path.join(folder, name)  # noqa: PTH118 - as above
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _block(kind: int, body: bytes) -> bytes:
    length = (12 + len(body)).to_bytes(4, "little")
    return kind.to_bytes(4, "little") + length + body + length


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _section(comment: str) -> bytes:
    """A section of unknown length, with opt_comment (1)."""
    return _block(
        0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(1, comment.encode()) + _option(0, b"")
    )


def _interface(name: str) -> bytes:
    """Ethernet without a limit; if_name (2), and if_tsresol (9): stamps in units of 10^-9 s."""
    return _block(
        1, struct.pack("<HHI", _ETHERNET, 0, 0) + _option(2, name.encode()) + _option(9, b"\x09") + _option(0, b"")
    )
