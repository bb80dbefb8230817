"""Ctrl-C and SIGTERM as exceptions of the main thread, but never where they would harm it or be lost.

Python runs a signal's handler between any two calls of the main thread. `threading.Condition` is written in Python:
what is raised inside its `__enter__` leaves its lock taken for ever, and the next thread that needs it, and who waits
for that thread, never end (CPython issue 74174). And what is raised inside a finalizer or a weak reference's callback
goes nowhere: Python tells `sys.unraisablehook` of it and goes on. A garbage collection takes milliseconds, and the
first code that runs in or after it is such a callback. The tracer of coverage is called between any two lines, and has
a lock of its own. Not a way to keep a signal off: it comes again soon after.
"""

from __future__ import annotations

import _thread
import os
import select
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_AGAIN = 0.005
_HANDING_OVER = frozenset(
    getattr(threading.Condition, name).__code__
    for name in ("__enter__", "__exit__", "_release_save", "_acquire_restore", "_is_owned", "notify", "notify_all")
)
_WAIT = threading.Condition.wait.__code__
_TRACER = "coverage"
_RUNS_ALL = frozenset({"coverage.cmdline", "coverage.execfile"})
"""Those of its modules that run a program (`coverage run`), so that they are below every frame of it."""
_TAKES_BACK = "gotit"
"""A variable of `Condition.wait`, set just before its `try`: whatever happens then, the lock is taken back."""
_NUMBERS: dict[type[BaseException], int] = {}
"""What was raised, and for which signal."""


def raising(exception: Callable[[], BaseException]) -> Callable[[int, FrameType | None], None]:
    """A handler for `signal.signal` that raises in the main thread as soon as no lock is changing hands there.

    Where Python swallows what it raised, the signal is sent again.

    Args:
        exception: makes what is raised; always of one type, which nothing else raises in a finalizer.
    """

    def handler(number: int, frame: FrameType | None) -> None:
        if _lock_changes_hands(frame):
            _send_soon(number)
            return
        raised = exception()
        _NUMBERS[type(raised)] = number
        # Not before now: others (pytest for each test) set and take back a hook of their own.
        if not isinstance(sys.unraisablehook, _Swallowed):
            sys.unraisablehook = _Swallowed(sys.unraisablehook)
        raise raised

    return handler


@dataclass(frozen=True)
class _Swallowed:
    """Python's hook for what it does not raise.

    Args:
        others: the hook for all that is not a signal's.
    """

    others: Callable[[UnraisableHookArgs], object]

    def __call__(self, unraisable: UnraisableHookArgs) -> None:
        number = _NUMBERS.get(unraisable.exc_type)
        if number is None:
            self.others(unraisable)
        else:
            _send_soon(number)


def _send_soon(number: int) -> None:
    # Not a `threading.Thread`: its own start takes such a lock.
    _thread.start_new_thread(_send_again, (number,))


def _send_again(number: int) -> None:
    select.select([], [], [], _AGAIN)
    os.kill(os.getpid(), number)


def _lock_changes_hands(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _HANDING_OVER or (frame.f_code is _WAIT and _TAKES_BACK not in frame.f_locals):
            return True
        if _is_tracers(str(frame.f_globals.get("__name__"))):
            return True
        frame = frame.f_back
    return False


def _is_tracers(module: str) -> bool:
    return module.partition(".")[0] == _TRACER and module not in _RUNS_ALL
