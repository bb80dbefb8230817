"""Keeps an initramfs archive in the cache under what it is made of, so that the next boot of the same makes none.

What it is made of is told without reading it: content of the cache has its digest in its path. The code that puts
archives together counts as well. Puts none together itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from hil.images.image import Asset
from hil.tools.cache import Cache
from hil.tools.progress import Progress, Step


def parts_key(*, seen: Iterable[Path], read: Iterable[Path] = (), told: Iterable[str] = ()) -> str:
    """What an archive is made of, as one word.

    Args:
        seen: large files and folders, known by their path and, for a file, by size and time.
        read: small files, known by their content.
        told: whatever else it depends on.

    Raises:
        OSError: a file is not there.
    """
    digest = hashlib.sha256()
    for path in seen:
        state = path.stat()
        identity = f"{state.st_size} {state.st_mtime_ns}" if path.is_file() else ""
        digest.update(f"{path}\0{identity}\0".encode())
    for word in told:
        digest.update(f"{word}\0".encode())
    for path in (*read, *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kept_archive(
    cache: Cache, entry: str, *, file: str, key: str, origin: str, make: Callable[[], bytes], progress: Progress
) -> Asset:
    """The archive, from the cache if it was made of the same parts.

    Args:
        cache: where it is kept.
        entry: its name there.
        file: the last part of its URL.
        key: what it is made of (`parts_key`); "" when that cannot be told, and it is made anew.
        origin: for the record.
        make: puts it together.
        progress: told when it is.
    """
    path = cache.file(entry, key) if key else None
    known = cache.entry(entry)
    if path is not None and known is not None:
        return Asset(file, path, known.digest, origin)
    progress(Step(f"writing {file}, {origin}"))
    data = make()
    with cache.work() as folder:
        made = folder / file
        made.write_bytes(data)
        path = cache.put_file(entry, made, key=key, origin=origin, how="hil.images")
    return Asset(file, path, hashlib.sha256(data).hexdigest(), origin)
