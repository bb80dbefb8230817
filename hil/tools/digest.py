"""sha256 of a file, and of a folder: what the cache calls content by."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path


def file_digest(path: Path) -> tuple[str, int]:
    """sha256 (hex) and size in bytes of one file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()


def tree_digest(root: Path) -> tuple[str, int]:
    """sha256 (hex) of a folder's listing, and its files' size in bytes.

    The listing has a line for each file, symbolic link and folder below root: path, kind, whether its owner
    may execute it, digest or target; sorted. Times and owners are not in it.
    """
    lines: list[bytes] = []
    total = 0
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            kind, size = _describe(path)
            total += size
            lines.append(os.fsencode(path.relative_to(root)) + b"\0" + kind.encode())
    listing = b"\n".join(sorted(lines))
    return hashlib.sha256(listing).hexdigest(), total


def _describe(path: Path) -> tuple[str, int]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "link " + os.fsencode(path.readlink()).hex(), 0
    if stat.S_ISDIR(mode):
        return "folder", 0
    if not stat.S_ISREG(mode):
        return f"special {stat.S_IFMT(mode):o}", 0
    digest, size = file_digest(path)
    return f"file {'x' if mode & stat.S_IXUSR else '-'} {digest}", size
