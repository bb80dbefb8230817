"""The cache of everything that hil fetched, built or unpacked: content by its sha256, found by name.

Content is put in place by one rename and named by another, so no reader ever sees half of it, whenever a
writer dies. Looking up a name reads one small file and a few stats;
`hil.tools.audit` reads everything again.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from hil.clock import Deadline
from hil.errors import HilBug, InfrastructureError
from hil.locks import Lock
from hil.tools.digest import file_digest, tree_digest
from hil.tools.entry import Entry, entry_json, parse_entry

_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,99}")
_STORE_WAIT = 60.0


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """$HIL_CACHE, else $XDG_CACHE_HOME/hil, else ~/.cache/hil (XDG Base Directory Specification 0.8)."""
    if chosen := environ.get("HIL_CACHE"):
        return Path(chosen).absolute()
    base = environ.get("XDG_CACHE_HOME", "")
    # The specification has relative values ignored.
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "hil"


class Cache:
    """One cache folder; making the object touches nothing.

    Args:
        root: the folder; None for the user's (`cache_root`).
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = cache_root() if root is None else root

    def file(self, name: str, key: str | None = None) -> Path | None:
        """The cached file of that name (and key, if given); None when it is absent or altered."""
        return self._find(name, key, "file")

    def tree(self, name: str, key: str | None = None) -> Path | None:
        """The cached folder of that name (and key, if given); None when it is absent or altered."""
        return self._find(name, key, "tree")

    def entry(self, name: str) -> Entry | None:
        """What is written down under that name, whether or not the content is still there."""
        try:
            return parse_entry(self._entry_path(name).read_bytes())
        except OSError:
            return None

    def entries(self) -> list[Entry]:
        """All that is written down, by name."""
        found = [self.entry(path.stem) for path in sorted((self.root / "entries").glob("*.json"))]
        return [entry for entry in found if entry is not None]

    def content(self, entry: Entry) -> Path:
        """Where the content of an entry is (or ought to be)."""
        return self.root / ("blobs" if entry.kind == "file" else "trees") / entry.digest

    def put_file(
        self,
        name: str,
        made: Path,
        *,
        key: str,
        origin: str,
        how: str,
        facts: Mapping[str, str] | None = None,
    ) -> Path:
        """Move a finished file into the cache and name it.

        Args:
            name: lower-case letters, digits and ._+-
            made: the file, inside a `work` folder of this cache.
            key, origin, how, facts: as in `Entry`.

        Returns:
            Its path in the cache.
        """
        digest, size = file_digest(made)
        entry = Entry(name, key, "file", digest, size, origin, how, int(time.time()), dict(facts or {}))
        return self._put(entry, made, [""])

    def put_tree(
        self,
        name: str,
        made: Path,
        *,
        key: str,
        origin: str,
        how: str,
        watch: Sequence[str],
        facts: Mapping[str, str] | None = None,
    ) -> Path:
        """Move a finished folder into the cache and name it; as `put_file`.

        Args:
            watch: files in it (relative) that each look-up checks by size and mtime.
        """
        digest, size = tree_digest(made)
        entry = Entry(name, key, "tree", digest, size, origin, how, int(time.time()), dict(facts or {}))
        return self._put(entry, made, watch)

    def remove(self, names: Sequence[str]) -> int:
        """Forget these names and delete what no other name holds; work folders left by the dead go too.

        Returns:
            Bytes of content set free.
        """
        with self._store():
            for name in names:
                with suppress(FileNotFoundError):
                    self._entry_path(name).unlink()
            return self._sweep()

    def clear(self) -> int:
        """Empty the cache: content, names, package lists, unfinished downloads, everything but its locks.

        Returns:
            Bytes set free.

        Raises:
            InfrastructureError: another process is making something for it.
        """
        if not self.root.is_dir():
            return 0
        with ExitStack() as alone:
            for path in sorted((self.root / "locks").glob("*.lock")):
                alone.enter_context(Lock(path, what="empties the cache").held(Deadline.after(0)))
            return sum(_delete(path) for path in self.root.iterdir() if path.name != "locks")

    @contextmanager
    def making(self, name: str, deadline: Deadline) -> Iterator[None]:
        """Alone in making `name`, among all processes that share this cache: look again once inside.

        Raises:
            InfrastructureError: another process is still making it at the deadline.
        """
        self._entry_path(name)
        self._need_root()
        with Lock(self.root / "locks" / f"{name}.lock", what=f"makes {name} for the cache").held(deadline):
            yield

    @contextmanager
    def work(self) -> Iterator[Path]:
        """A private empty folder on the cache's file system, gone at the end."""
        with self._store():
            parent = self.root / "work"
            parent.mkdir(exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=parent))
            fd = _flock(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if fd is not None:
                os.close(fd)

    def partial(self, digest: str) -> Path:
        """Where an unfinished download of content with this digest is kept, to be resumed."""
        self._need_root()
        folder = self.root / "partial"
        folder.mkdir(exist_ok=True)
        return folder / digest

    def _entry_path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise HilBug(f"{name!r} is no name for a cache entry", hint="report this with the lines above")
        return self.root / "entries" / f"{name}.json"

    def _find(self, name: str, key: str | None, kind: str) -> Path | None:
        entry = self.entry(name)
        if entry is None or entry.kind != kind or (key is not None and entry.key != key):
            return None
        path = self.content(entry)
        return path if self._unaltered(entry, path) or self._brought_here(entry, path) else None

    def _brought_here(self, entry: Entry, path: Path) -> bool:
        """Whether only its times are others, as after a copy that did not keep them; then they are noted."""
        try:
            if not self._is(entry, path):
                return False
        except OSError:
            return False
        # Whoever may not write here still has the content.
        with suppress(OSError, InfrastructureError), self._store():
            self._note(entry, path, list(entry.watched))
        return True

    @staticmethod
    def _is(entry: Entry, path: Path) -> bool:
        """Whether the content stands there already, read in full: other names may hold it too."""
        if entry.kind == "file":
            return path.is_file() and file_digest(path)[0] == entry.digest
        return path.is_dir() and tree_digest(path)[0] == entry.digest

    @staticmethod
    def _unaltered(entry: Entry, path: Path) -> bool:
        for name, (size, mtime_ns) in entry.watched.items():
            try:
                seen = (path / name).stat() if name else path.stat()
            except OSError:
                return False
            if (seen.st_size, seen.st_mtime_ns) != (size, mtime_ns):
                return False
        return path.exists()

    def _put(self, entry: Entry, made: Path, watch: Sequence[str]) -> Path:
        path = self.content(entry)
        with self._store():
            path.parent.mkdir(exist_ok=True)
            if not self._is(entry, path):
                _delete(path)
                made.rename(path)
            self._note(entry, path, watch)
        return path

    def _note(self, entry: Entry, path: Path, watch: Sequence[str]) -> None:
        """Write an entry down, with what its watched files are like now; the caller holds the store."""
        stats = {name: (path / name if name else path).stat() for name in watch}
        watched = {name: (seen.st_size, seen.st_mtime_ns) for name, seen in stats.items()}
        target = self._entry_path(entry.name)
        target.parent.mkdir(exist_ok=True)
        draft = target.with_suffix(".new")
        draft.write_text(entry_json(replace(entry, watched=watched)), encoding="utf-8")
        draft.replace(target)

    def _sweep(self) -> int:
        kept = {self.content(entry) for entry in self.entries()}
        freed = 0
        for path in [*self.root.glob("blobs/*"), *self.root.glob("trees/*")]:
            if path not in kept:
                freed += _delete(path)
        for path in self.root.glob("work/*"):
            fd = _flock(path)
            if fd is not None:
                freed += _delete(path)
                os.close(fd)
        return freed

    def _need_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InfrastructureError(
                f"the cache folder {self.root} cannot be made: {error.strerror}",
                hint="set HIL_CACHE to a folder that this user can write to",
            ) from error

    @contextmanager
    def _store(self) -> Iterator[None]:
        self._need_root()
        lock = Lock(self.root / "locks" / "store.lock", what="writes to the cache")
        with lock.held(Deadline.after(_STORE_WAIT)):
            yield


def _flock(path: Path) -> int | None:
    """Lock a folder for as long as its user lives; None when another has it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def _delete(path: Path) -> int:
    if path.is_dir():
        size = sum(item.lstat().st_size for item in path.rglob("*") if not item.is_dir())
        shutil.rmtree(path, ignore_errors=True)
        return size
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    return size
