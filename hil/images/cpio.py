"""Writes the "newc" cpio archive that Linux unpacks as its initramfs; reads none.

The same entries give the same bytes on any host: order, owners, times and inode numbers come from the
entries alone. Format: Linux, Documentation/driver-api/early-userspace/buffer-format.rst, and cpio(5), "new
ASCII format".
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"
_FIELD_LIMIT = 1 << 32


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder, link or device of the archive.

    Args:
        path: where the kernel puts it, relative to the root, with no leading "/" and no ".." in it.
        mode: file type and permissions, as `st_mode` holds them.
        data: the contents of a file, or the target of a symbolic link.
        device: major and minor number of a device node.
    """

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(path: str, permissions: int = 0o755) -> Entry:
    """A folder; a folder must be in the archive for what lies in it to be unpacked."""
    return Entry(path, stat.S_IFDIR | permissions)


def file(path: str, data: bytes, permissions: int = 0o644) -> Entry:
    """A regular file."""
    return Entry(path, stat.S_IFREG | permissions, data)


def link(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def character_device(path: str, major: int, minor: int, permissions: int = 0o600) -> Entry:
    """A character device, by the numbers of Linux's Documentation/admin-guide/devices.txt."""
    return Entry(path, stat.S_IFCHR | permissions, b"", (major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """The entries as one archive, in the order of their paths: a folder comes before what lies in it.

    Raises:
        ValueError: two entries have one path, a path leaves the root or lacks its folder, or a file is
            too large for the format.
    """
    ordered = sorted(entries, key=lambda entry: entry.path.split("/"))
    _check(ordered)
    parts = [_member(number, entry) for number, entry in enumerate(ordered, start=1)]
    parts.append(_member(0, Entry(_TRAILER, 0)))
    return b"".join(parts)


def _check(ordered: list[Entry]) -> None:
    folders = {""}
    seen: set[str] = set()
    for entry in ordered:
        names = entry.path.split("/")
        if any(name in ("", ".", "..") for name in names) or "\0" in entry.path or entry.path == _TRAILER:
            raise ValueError(f"{entry.path!r} is no path inside the archive")
        if entry.path in seen:
            raise ValueError(f"{entry.path!r} is in the archive twice")
        if "/".join(names[:-1]) not in folders:
            raise ValueError(f"the folder of {entry.path!r} is not in the archive")
        if len(entry.data) >= _FIELD_LIMIT:
            raise ValueError(f"{entry.path!r} is larger than the format allows (4 GiB)")
        seen.add(entry.path)
        if stat.S_ISDIR(entry.mode):
            folders.add(entry.path)


def _member(number: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (
        number,
        entry.mode,
        0,  # owner
        0,  # group
        links,
        0,  # modification time
        len(entry.data),
        0,  # major and minor number of the file system that held it
        0,
        *entry.device,
        len(name),
        0,  # check sum, used by the "crc" format alone
    )
    head = _MAGIC + b"".join(b"%08X" % field for field in fields) + name
    return _padded(head) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
