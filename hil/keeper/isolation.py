"""How a keeper is fenced in, so that nothing it started outlives it: the ways there are, the best first.

As init of a PID namespace its death takes every descendant along (pid_namespaces(7)). Where neither root nor user
namespaces allow that (Ubuntu 24.04 may forbid them), the kernel ends direct children by a parent-death signal
(PR_SET_PDEATHSIG in prctl(2)); programs that change credentials, and grandchildren, escape it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@dataclass(frozen=True, slots=True)
class Isolation:
    """One way to fence a keeper in.

    Args:
        name: as `status()` shows it.
        launcher: put before the keeper's command.
        death_signal: whether each child asks the kernel for its end by `die_with_parent`.
    """

    name: str
    launcher: tuple[str, ...]
    death_signal: bool = False


PID_NAMESPACE = Isolation("pid namespace", _UNSHARE)
USER_NAMESPACE = Isolation("pid and user namespace", (*_UNSHARE, "--map-current-user"))
DEATH_SIGNAL = Isolation("parent-death signal", (), death_signal=True)
ALL = (PID_NAMESPACE, USER_NAMESPACE, DEATH_SIGNAL)


def candidates() -> tuple[Isolation, ...]:
    """The ways worth trying for this user, the best first; a way that is refused ends before the keeper answers."""
    return ALL if os.geteuid() == 0 else ALL[1:]


def die_with_parent() -> Callable[[], None]:
    """What a child calls between fork and exec, so that it gets SIGKILL when the thread that forked it ends.

    A wrapper program, as setpriv(1), would come too late for a parent that dies before the wrapper has started.
    """
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def by_name(name: str) -> Isolation:
    """The way of that name.

    Raises:
        KeyError: there is none.
    """
    return {isolation.name: isolation for isolation in ALL}[name]
