"""Takes what of the real world a rig's machines need, for the keeper to hold: all of it, before anything starts.

A virtual machine takes nothing, so any number of benches of one virtual rig are open at once. Lock files are the same
for all users of a host; what a lock is stands in `hil.locks`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.clock import Deadline
from hil.config.source import printable
from hil.config.things import Thing, named
from hil.errors import InfrastructureError
from hil.locks import Busy, Lock, Owner
from hil.tools.progress import Progress, Step, quiet

if TYPE_CHECKING:
    from hil.config.rig import Rig, Where
    from hil.keeper.client import Keeper

AT_ONCE: Final = Deadline.after(0)
"""For a deadline: do not wait."""

_RUN_LOCK: Final = Path("/run/lock")
_FALLBACK: Final = Path("/tmp/hil-locks")
_OPEN_TO_ALL: Final = stat.S_ISVTX | stat.S_IWOTH


def lock_folder() -> Path:
    """The folder of this host's lock files, for all its users; made by whoever comes first.

    It is /run/lock/hil where everybody may write to /run/lock (Filesystem Hierarchy Standard 3.0, 5.9, as on Debian),
    and /tmp/hil-locks elsewhere: what decides is the same for each user. Its sticky bit keeps users from removing each
    other's files.

    Raises:
        InfrastructureError: it cannot be made, or is closed to other users.
    """
    folder = _RUN_LOCK / "hil" if _is_open_to_all(_RUN_LOCK) else _FALLBACK
    try:
        folder.mkdir(exist_ok=True)
        if folder.lstat().st_uid == os.geteuid():
            folder.chmod(0o1777)  # mkdir's own mode is cut by the umask
        right = _is_open_to_all(folder)
    except OSError as error:
        raise InfrastructureError(
            f"the folder of lock files {folder} cannot be made: {error.strerror}",
            hint=f"make it, as root: install -d -m 1777 {folder}",
        ) from error
    if not right:
        raise InfrastructureError(
            f"the folder of lock files {folder} is not for all users of this host",
            hint=f"as root: rm -r {folder}; install -d -m 1777 {folder}",
        )
    return folder


def _is_open_to_all(folder: Path) -> bool:
    try:
        mode = folder.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and mode & _OPEN_TO_ALL == _OPEN_TO_ALL


def take_things(rig: Rig, keeper: Keeper, wait: Deadline = AT_ONCE, progress: Progress = quiet) -> None:
    """Take everything that a rig's nodes, power ports and segment need, and hand it to the keeper.

    In the order of the things' names, which is the same for every rig, so that no two wait for each other.

    Args:
        rig: whose nodes.
        keeper: holds it until it ends.
        wait: how long to wait for what another one holds.
        progress: told for whom is waited, and of a thing whose former holder died with it.

    Raises:
        Busy: another one holds a thing at the deadline.
        InfrastructureError: lock files cannot be used.
    """
    wanted: dict[str, tuple[str, Where]] = {}
    for node, config in rig.nodes.items():
        for thing in config.things():
            wanted.setdefault(thing.name, (f"node {node}", rig.where("nodes", node, *thing.key)))
    for thing in rig.segment.things():
        wanted.setdefault(thing.name, ("segment", rig.where("segment", *thing.key)))
    for port, power in rig.power.items():
        for thing in power.things():
            wanted.setdefault(thing.name, (f"power port {port}", rig.where("power", port, *thing.key)))
    for name in sorted(wanted):
        whose, where = wanted[name]
        lock = Lock(lock_folder() / Thing(name).file_name, what=holder_words(rig, keeper), pid=keeper.pid, shared=True)
        take(lock, f"{name} ({where}, {whose})", wait, progress)
        keeper.lock(lock)


def holder_words(rig: Rig, keeper: Keeper) -> str:
    """What the locks of a bench say of it; no two benches say the same."""
    return f"bench {keeper.directory.name} of rig {rig.file}"


def take(lock: Lock, what: str, wait: Deadline = AT_ONCE, progress: Progress = quiet) -> None:
    """Take one thing, saying for whom is waited and what became of its former holder.

    Args:
        lock: its lock.
        what: the thing, in words for a message.
        wait: how long to wait.
        progress: told.

    Raises:
        Busy: another one holds it at the deadline.
        InfrastructureError: the lock file cannot be used.
    """
    try:
        try:
            lock.acquire(AT_ONCE)
        except Busy as busy:
            if wait.expired:
                raise
            progress(Step(f"waiting for {what}, which is held by {_words(busy.holder)}"))
            lock.acquire(wait)
    except Busy as busy:
        raise Busy(
            f"{what} is held by {_words(busy.holder)}; waited {wait}",
            hint="wait for it (hil boot --wait, pytest --hil-wait), or end that bench: `hil bench ls` shows yours",
            holder=busy.holder,
        ) from busy
    if lock.left_by is not None:
        progress(Step(f"{what}: its former holder, {_words(lock.left_by)}, died with it; it may be in any state"))


def _words(holder: Owner | None) -> str:
    """A holder for a message; another user may have written anything there."""
    return "a process that left no name" if holder is None else printable(str(holder))[:300]


def held_things(lock_paths: Iterable[str]) -> list[str]:
    """The names of the things of these lock files, as a keeper's status lists them."""
    return sorted(named(Path(path).name) for path in lock_paths)
