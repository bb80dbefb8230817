"""How a keeper is fenced in, so that nothing it started outlives it: the ways there are, the best first.

As init of a PID namespace its death takes every descendant along (pid_namespaces(7)). Where neither root nor user
namespaces allow that (Ubuntu 24.04 may forbid them), the kernel ends direct children by a parent-death signal
(PR_SET_PDEATHSIG in prctl(2)); programs that change credentials, and grandchildren, escape it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

_UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@dataclass(frozen=True, slots=True)
class Isolation:
    """One way to fence a keeper in.

    Args:
        name: as `status()` shows it.
        launcher: put before the keeper's command.
        wrapper: put before each child's command.
    """

    name: str
    launcher: tuple[str, ...]
    wrapper: tuple[str, ...]


PID_NAMESPACE = Isolation("pid namespace", _UNSHARE, ())
USER_NAMESPACE = Isolation("pid and user namespace", (*_UNSHARE, "--map-current-user"), ())
DEATH_SIGNAL = Isolation("parent-death signal", (), ("setpriv", "--pdeathsig", "KILL", "--"))
ALL = (PID_NAMESPACE, USER_NAMESPACE, DEATH_SIGNAL)


def candidates() -> tuple[Isolation, ...]:
    """The ways worth trying for this user, the best first; a way that is refused ends before the keeper answers."""
    return ALL if os.geteuid() == 0 else ALL[1:]


def by_name(name: str) -> Isolation:
    """The way of that name.

    Raises:
        KeyError: there is none.
    """
    return {isolation.name: isolation for isolation in ALL}[name]
