"""The private folders of keepers: made, told alive from dead, swept.

They are short (a unix socket's path has 107 bytes, unix(7)), belong to one user alone, and hold a file that the keeper
keeps locked (flock(2)), so that the kernel says who is dead. This module talks to no keeper.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hil.errors import InfrastructureError
from hil.keeper.journal import Entry, Journal
from hil.keeper.protocol import ALIVE_NAME, JOURNAL_NAME

MAX_SOCKET_PATH = 107
_MAX_BASE = 48
_UNCLAIMED_SECONDS = 600


@dataclass(frozen=True, slots=True)
class LiveBench:
    """A bench whose keeper lives.

    Args:
        name: its folder's name, as users type it.
        directory: its runtime folder.
    """

    name: str
    directory: Path


def base_dir() -> Path:
    """Where this user's runtime folders are; made when missing.

    Raises:
        InfrastructureError: it belongs to another user, or is open to others, or cannot be made.
    """
    given = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    fits = len(os.fsencode(given)) <= _MAX_BASE and given.is_dir()
    base = given / "hil" if fits else Path(f"/tmp/hil-{os.getuid()}")
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        found = base.lstat()
    except OSError as error:
        raise InfrastructureError(
            f"the runtime folder {base} cannot be made: {error.strerror}",
            hint="set XDG_RUNTIME_DIR to a folder that belongs to you",
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise InfrastructureError(
            f"the runtime folder {base} does not belong to this user alone",
            hint=f"remove {base}, or set XDG_RUNTIME_DIR to a folder that belongs to you",
        )
    return base


def new_runtime_dir(name: str = "bench") -> Path:
    """A new private folder for one bench, its name beginning with `name`; errors as in `base_dir`."""
    import tempfile  # clients only: a keeper does without

    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base_dir()))


def claim(directory: Path) -> int:
    """Mark a folder alive for as long as the returned descriptor, or a copy of it, is open.

    Raises:
        InfrastructureError: the folder cannot be written, or a keeper has it.
    """
    draft = directory / f"{ALIVE_NAME}.new"
    try:
        if is_alive(directory):
            raise InfrastructureError(
                f"{directory} belongs to a bench that is open", hint="open a bench in a folder of its own"
            )
        # Locked before it gets its name: a sweep never sees an unlocked one.
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        draft.rename(directory / ALIVE_NAME)
    except OSError as error:
        raise InfrastructureError(
            f"the runtime folder {directory} cannot be used: {error.strerror}",
            hint="open a bench in a folder that exists and belongs to you",
        ) from error
    return descriptor


def live_benches() -> list[LiveBench]:
    """The benches of this user whose keeper lives, by name."""
    return [LiveBench(folder.name, folder) for folder in sorted(base_dir().iterdir()) if is_alive(folder)]


def sweep(apply: Callable[[Entry], bool]) -> list[Path]:
    """Remove the folders whose keeper is dead, once nothing of their journal is left to be done.

    Args:
        apply: does an entry; whether it is done, or can never be. One that is not stays for the next time.

    Returns:
        the folders that were removed.
    """
    removed = []
    for folder in sorted(path for path in base_dir().iterdir() if path.is_dir()):
        with _lock_of_dead(folder) as dead:
            if dead:
                journal = Journal(folder / JOURNAL_NAME)
                for entry in journal.entries():
                    if apply(entry):
                        journal.strike(entry.name)
                if not journal.entries():
                    remove(folder)
                    removed.append(folder)
    return removed


def remove(directory: Path) -> None:
    """Remove a runtime folder with all that is in it; nothing when it is gone."""
    import shutil  # only at the end of a bench: it takes longer to import than a keeper to answer

    with suppress(FileNotFoundError):
        shutil.rmtree(directory)


def is_alive(directory: Path) -> bool:
    """Whether a keeper has this folder."""
    try:
        descriptor = os.open(directory / ALIVE_NAME, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def _lock_of_dead(folder: Path) -> Iterator[bool]:
    """Whether its keeper is dead; if so it stays locked, so that of two sweeps one alone applies the journal."""
    try:
        descriptor = os.open(folder / ALIVE_NAME, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        # A fresh one was made just now and its keeper is about to start.
        yield _older_than(folder, _UNCLAIMED_SECONDS)
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def _older_than(folder: Path, seconds: float) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > seconds
    except FileNotFoundError:
        return False
