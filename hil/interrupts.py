"""Ctrl-C and SIGTERM as exceptions of the main thread, but never while it takes or gives back a lock of `threading`.

Python runs a signal's handler between any two calls of the main thread. `threading.Condition` is written in Python:
what is raised inside its `__enter__` leaves its lock taken for ever, and the next thread that needs it, and who waits
for that thread, never end (CPython issue 74174). Not a way to keep a signal off: it comes a few milliseconds later.
"""

from __future__ import annotations

import _thread
import os
import select
import threading
from collections.abc import Callable
from types import FrameType

_AGAIN = 0.005
_HANDING_OVER = frozenset(
    getattr(threading.Condition, name).__code__
    for name in ("__enter__", "__exit__", "_release_save", "_acquire_restore", "_is_owned", "notify", "notify_all")
)
_WAIT = threading.Condition.wait.__code__
_TAKES_BACK = "gotit"
"""A variable of `Condition.wait`, set just before its `try`: whatever happens then, the lock is taken back."""


def raising(exception: Callable[[], BaseException]) -> Callable[[int, FrameType | None], None]:
    """A handler for `signal.signal` that raises in the main thread as soon as no lock is changing hands there.

    Args:
        exception: makes what is raised.
    """

    def handler(number: int, frame: FrameType | None) -> None:
        if _lock_changes_hands(frame):
            # Not a `threading.Thread`: its own start takes such a lock.
            _thread.start_new_thread(_send_again, (number,))
            return
        raise exception()

    return handler


def _send_again(number: int) -> None:
    select.select([], [], [], _AGAIN)
    os.kill(os.getpid(), number)


def _lock_changes_hands(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _HANDING_OVER or (frame.f_code is _WAIT and _TAKES_BACK not in frame.f_locals):
            return True
        frame = frame.f_back
    return False
