"""This host's processes as tests look at them, each of which may end between one look and the next (proc(5)).

What carries a marker, or is left behind, is for `support.leftovers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hil.clock import Deadline, hold

_LOOK_AGAIN = 0.01


def over(pid: int, within: Deadline) -> bool:
    """Whether a process is no more by then, or only waits for somebody to ask what became of it (a zombie)."""
    while _state(pid) not in ("", "Z"):
        if within.expired:
            return False
        hold(_LOOK_AGAIN)
    return True


def command_lines() -> Iterator[tuple[Path, str]]:
    """The folder in /proc of each process that we may look at, and its words, parted by zeros."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield folder, (folder / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:  # another user's, or it has ended
            continue


def _state(pid: int) -> str:
    """One letter as ps(1) shows it; "" for a process that is no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
