"""The smallest file that is an ELF program to hil: one segment, and something behind it."""

from __future__ import annotations

import struct

PAYLOAD = b"what the kernel maps"
SYMBOLS = b"what debuggers read"


def program(*, payload: bytes = PAYLOAD, behind: bytes = SYMBOLS) -> bytes:
    """A program with one segment, and something behind it that section headers are said to point to."""
    head = b"\x7fELF\x02\x01".ljust(16, b"\0")
    segment_at, sections_at = 64 + 56, 64 + 56 + len(payload)
    head += struct.pack("<HHIQQQIHHHHHH", 3, 183, 1, 0, 64, sections_at, 0, 64, 56, 1, 64, 3, 2)
    table = struct.pack("<IIQQQQQQ", 1, 5, segment_at, 0, 0, len(payload), len(payload), 16)
    return head + table + payload + behind
