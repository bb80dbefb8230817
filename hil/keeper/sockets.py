"""Which TCP sockets a process listens on, from /proc: for programs that take port 0 and do not say which they got.

Reads proc(5)'s /proc/PID/net/tcp{,6}, where state 0A is TCP_LISTEN and addresses are words in host byte order, and
matches inodes with /proc/PID/fd. Looks at one process, not at its children.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import sys
from contextlib import suppress

_LINE = re.compile(
    rb"^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F:]+ 0A "
    rb"[0-9A-F:]+ [0-9A-F:]+ [0-9A-F]+\s+\d+\s+\d+\s+(\d+)\s",
    re.MULTILINE,
)
_ORDER = "<" if sys.byteorder == "little" else ">"


def parse_listening(table: bytes) -> dict[int, tuple[str, int]]:
    """Listening sockets in the text of a /proc/PID/net/tcp or tcp6 file: inode to (address, port)."""
    found: dict[int, tuple[str, int]] = {}
    for address, port, inode in _LINE.findall(table):
        words = [int(address[i : i + 8], 16) for i in range(0, len(address), 8)]
        packed = struct.pack(f"{_ORDER}{len(words)}I", *words)
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        found[int(inode)] = (socket.inet_ntop(family, packed), int(port, 16))
    return found


def listening_sockets(pid: int) -> list[tuple[str, int]]:
    """The (address, port) pairs that a process listens on, in order of port; [] when it is gone."""
    sockets: dict[int, tuple[str, int]] = {}
    own: set[int] = set()
    try:
        for table in ("tcp", "tcp6"):
            with open(f"/proc/{pid}/net/{table}", "rb") as file:  # noqa: PTH123 - proc has no other face
                sockets |= parse_listening(file.read())
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):  # closed since it was listed
                target = os.readlink(entry.path)  # noqa: PTH115 - a target that is no path
                if target.startswith("socket:["):
                    own.add(int(target[8:-1]))
    except OSError:
        return []
    return sorted((place for inode, place in sockets.items() if inode in own), key=lambda place: place[1])
