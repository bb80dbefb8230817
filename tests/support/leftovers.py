"""What a test leaves behind on its host: processes, mounts, namespaces, listening sockets, locks, files.

Looks at what is ours alone, so that tests may run beside each other: descendants of this process, whatever carries a
marker in its command line or environment (orphans do), and what lies below given folders. Changes nothing.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.keeper.sockets import listening_sockets

_NAMESPACES = ("pid", "net", "mnt", "user")
_LOOK_AGAIN = 0.02
# The fifth field of mountinfo, proc(5). systemd mounts these when a service of the host runs, as the one that tidies
# up a quarter of an hour after each start, and when a user comes and goes.
_OF_THE_HOST = re.compile(r"(?:\S+ ){4}/run/(?:credentials/\S+|user/\d+) ")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there was at one moment.

    Args:
        marker: as given to `snapshot`.
        roots: as given to `snapshot`.
        things: one line each.
    """

    marker: str
    roots: tuple[Path, ...]
    things: frozenset[str]


def snapshot(marker: str = "", roots: Sequence[Path] = ()) -> Snapshot:
    """Look around.

    Args:
        marker: text in the command line or environment of processes that count as ours besides our descendants.
        roots: folders whose files, sockets and locks count.
    """
    pids = sorted(_ours(marker))
    things = {
        *(f"process {pid} {_command(pid)}" for pid in pids if pid != os.getpid()),
        *(f"namespace {link} of process {pid}" for pid in pids for link in _namespaces(pid)),
        *(f"TCP socket {host}:{port} of process {pid}" for pid in pids for host, port in listening_sockets(pid)),
        *(f"mount {mount}" for mount in _mounts()),
        *(f"listening unix socket {path}" for path in _unix_listeners() if _below(path, roots)),
        *(f"locked file {path}" for path in _locked_files(roots)),
        *(f"file {path}" for root in roots for path in _files(root)),
    }
    return Snapshot(marker, tuple(roots), frozenset(things))


def difference(before: Snapshot, *, within: Deadline) -> list[str]:
    """What is more ("+ ...") and less ("- ...") than before; [] as soon as nothing is, else what is at the deadline.

    Nothing tells when the last of all these is gone, so it looks again and again.
    """
    while True:
        now = snapshot(before.marker, before.roots)
        found = [f"+ {thing}" for thing in sorted(now.things - before.things)]
        found += [f"- {thing}" for thing in sorted(before.things - now.things)]
        if not found or within.expired:
            return found
        threading.Event().wait(_LOOK_AGAIN)


def _ours(marker: str) -> set[int]:
    parents: dict[int, int] = {}
    ours = {os.getpid()}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        fields = _read(entry / "stat").rpartition(b")")[2].split()
        if len(fields) > 1:
            parents[pid] = int(fields[1])
        if marker and marker.encode() in _read(entry / "cmdline") + _read(entry / "environ"):
            ours.add(pid)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in ours} - ours
        ours |= more
        grown = bool(more)
    return ours


def _command(pid: int) -> str:
    line = _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").decode(errors="replace")
    return line[:200] or _read(Path(f"/proc/{pid}/comm")).decode(errors="replace").strip() + " (zombie)"


def _namespaces(pid: int) -> Iterator[str]:
    for name in _NAMESPACES:
        theirs, ours = (_link(Path(f"/proc/{which}/ns/{name}")) for which in (str(pid), "self"))
        if theirs not in (None, ours):
            yield str(theirs)
    for descriptor in _entries(Path(f"/proc/{pid}/fd")):
        target = _link(descriptor)
        if target is not None and re.fullmatch(r"(pid|net|mnt|user):\[\d+\]", target):
            yield f"{target} (held open)"


def _mounts() -> list[str]:
    """Without the host's own, and the small disks that tests mount in their folders: other workers' come and go."""
    lines = [line.decode(errors="replace") for line in _read(Path("/proc/self/mountinfo")).splitlines()]
    ours = [line for line in lines if not _OF_THE_HOST.match(line)]
    return [line for line in ours if not ("/pytest-of-" in line and "/popen-gw" in line)]


def _unix_listeners() -> Iterator[Path]:
    # proc_net(5): __SO_ACCEPTCON is flag 00010000.
    for line in _read(Path("/proc/net/unix")).splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and int(fields[3], 16) & 0x10000:
            yield Path(os.fsdecode(fields[7]))


def _locked_files(roots: Sequence[Path]) -> Iterator[Path]:
    locked = set(re.findall(rb" [0-9a-f]+:[0-9a-f]+:(\d+) ", _read(Path("/proc/locks"))))
    for root in roots:
        for path in _files(root):
            try:
                if str(path.lstat().st_ino).encode() in locked:
                    yield path
            except FileNotFoundError:
                continue


def _files(root: Path) -> list[Path]:
    return [Path(folder, name) for folder, folders, files in os.walk(root) for name in (*folders, *files)]


def _below(path: Path, roots: Sequence[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
