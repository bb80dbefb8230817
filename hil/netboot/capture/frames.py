"""Takes frames out of the stream that QEMU's filter-dump writes: a classic pcap file, in the host's byte order.

The format is libpcap's (pcap-savefile(5)), as QEMU net/dump.c writes it: microseconds, Ethernet.
"""

from __future__ import annotations

import struct

_MAGIC = 0xA1B2C3D4
_ETHERNET = 1
_FILE = struct.Struct("=IHHiIII")
# QEMU's seconds are signed: with `-rtc base=` they may begin before 1970.
_FRAME = struct.Struct("=iiII")
_MAX_FRAME = 1 << 18


class NotPcap(Exception):
    """The stream is not what filter-dump writes."""


class Frames:
    """The frames of one stream, as its pieces come."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False

    def feed(self, data: bytes) -> tuple[bytes, list[tuple[int, int, int, int]]]:
        """Take the next piece.

        Returns:
            bytes, and for each frame that is whole in them now: its first byte, the one after its last, its length
            on the wire, and QEMU's stamp, ns.

        Raises:
            NotPcap: it is no such stream.
        """
        data = self._rest + data if self._rest else data
        at = 0
        if not self._begun:
            if len(data) < _FILE.size:
                self._rest = data
                return data, []
            self._check(data)
            self._begun, at = True, _FILE.size
        found = []
        size, header, whole = len(data), _FRAME.size, _FRAME.unpack_from
        while at + header <= size:
            seconds, micros, captured, length = whole(data, at)
            if captured > _MAX_FRAME:
                raise NotPcap(f"a frame of {captured} bytes")
            start, end = at + header, at + header + captured
            if end > size:
                break
            found.append((start, end, length, (seconds * 1_000_000 + micros) * 1000))
            at = end
        self._rest = data[at:]
        return data, found

    @staticmethod
    def _check(data: bytes) -> None:
        magic, *_, kind = _FILE.unpack_from(data)
        if magic != _MAGIC or kind != _ETHERNET:
            raise NotPcap(f"it begins with {data[:4].hex()}, link type {kind}")
