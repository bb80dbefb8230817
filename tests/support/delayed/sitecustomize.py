"""Random delays around system calls, and at starts of threads and processes, as a busy machine has them.

Python imports a module of this name by itself in each process that has this folder in PYTHONPATH (`site`), so the
keepers, twins and commands that a test starts are delayed, too. Without HIL_TEST_DELAYS it does nothing. What C code
calls itself (asyncio's epoll, an SSL socket) is not delayed.
"""

from __future__ import annotations

import functools
import os
import random
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

VARIABLE = "HIL_TEST_DELAYS"
"""SEED, or SEED:SCALE; a scale of 1 (default) is a busy machine, of 3 a dreadful one."""

OFTEN, RARELY = (0.13, 0.004), (0.02, 0.08)
"""How often, of 1, and for how many seconds at most. They leave a test of a second about as long as it is."""

_SWITCH = 2e-5
_OF_OS = ("read", "write", "kill", "replace", "rename", "unlink")
_OF_SOCKETS = ("recv", "send", "sendall", "recvfrom", "sendto", "connect", "recvmsg", "sendmsg", "bind", "listen")


class _Delays:
    """Delays of this process; another process of the same seed has others.

    Args:
        given: as in HIL_TEST_DELAYS.
    """

    def __init__(self, given: str) -> None:
        seed, _, scale = given.partition(":")
        self._random = random.Random(f"{seed} {os.getpid()}")
        self._scale = float(scale or 1)
        self._sleep = time.sleep

    def delay(self) -> None:
        chance = self._random.random()
        share, longest = RARELY if chance < RARELY[0] else OFTEN
        if chance < share + RARELY[0]:
            self._sleep(self._random.random() * longest * self._scale)

    def around(self, function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def delayed(*args: P.args, **named: P.kwargs) -> T:
            self.delay()
            try:
                return function(*args, **named)
            finally:
                self.delay()

        return delayed


def _install(delays: _Delays) -> None:
    sys.setswitchinterval(_SWITCH)
    select.select = delays.around(select.select)
    for name in _OF_OS:
        setattr(os, name, delays.around(getattr(os, name)))
    for name in _OF_SOCKETS:
        setattr(socket.socket, name, delays.around(getattr(socket.socket, name)))
    for owner, name in ((threading.Thread, "start"), (threading.Thread, "run"), (subprocess.Popen, "__init__")):
        setattr(owner, name, delays.around(getattr(owner, name)))


if os.environ.get(VARIABLE):
    _install(_Delays(os.environ[VARIABLE]))
