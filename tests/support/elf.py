"""The smallest file that is a kernel module to hil: an ELF object with a `.modinfo` section."""

from __future__ import annotations

from struct import pack


def module(name: str) -> bytes:
    """A module of that name, which needs no other."""
    modinfo, names = f"depends=\0name={name}\0".encode(), b"\0.modinfo\0"
    table = 64 + len(modinfo) + len(names)
    head = b"\x7fELF\x02\x01".ljust(16, b"\0")
    head += pack("<HHIQQQIHHHHHH", 1, 183, 1, 0, 0, table, 0, 64, 0, 0, 64, 2, 1)
    sections = pack("<IIQQQQIIQQ", 1, 1, 2, 0, 64, len(modinfo), 0, 0, 1, 0)
    sections += pack("<IIQQQQIIQQ", 0, 3, 0, 0, 64 + len(modinfo), len(names), 0, 0, 1, 0)
    return head + modinfo + names + sections
