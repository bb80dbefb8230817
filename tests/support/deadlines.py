"""Deadlines that pass when something has happened, and no sooner: until then a busy host may take its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hil.clock import NANOSECONDS, Deadline, now_ns

_LOOK_AGAIN = 0.01
_LONGEST = 60


def far(within: float) -> Deadline:
    """A deadline that messages call one of so many seconds, and that is far off until `passes`."""
    return Deadline(now_ns() + _LONGEST * NANOSECONDS, within)


def passes(deadline: Deadline) -> None:
    """Let it pass now; who sleeps until then is not woken."""
    object.__setattr__(deadline, "at_ns", now_ns())


@contextmanager
def once(happened: Callable[[], bool], within: float) -> Iterator[Deadline]:
    """A deadline as of `far` that passes when something has happened, which is asked in another thread."""
    deadline, over = far(within), threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_AGAIN):
            if happened():
                passes(deadline)
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield deadline
    finally:
        over.set()
        thread.join()
