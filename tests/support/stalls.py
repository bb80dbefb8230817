"""How long this host stood still, as a virtual machine does that gets no CPU: what takes longer then is not slow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hil.clock import now_ns

_LOOK_EVERY = 0.01
_LATE_NS = 40_000_000
"""A thread that wakes later than that was not let run; what a busy host takes is less."""


class Stalls:
    """Counts while `counting` is on, by a thread that wants to wake often."""

    def __init__(self) -> None:
        self._began = self._woke = now_ns()
        self._stood_ns = 0
        self._over = threading.Event()
        self._lock = threading.Lock()

    def stood_ns(self) -> int:
        """Nanoseconds in which nothing of this process ran, up to now."""
        with self._lock:
            now = now_ns()
            self._stood_ns += max(0, now - self._woke - _LATE_NS)
            self._woke = now
            return self._stood_ns

    def ran(self) -> float:
        """Seconds since it began, without those."""
        stood = self.stood_ns()
        return (self._woke - self._began - stood) / 1e9

    def _count(self) -> None:
        while not self._over.wait(_LOOK_EVERY):
            self.stood_ns()


@contextmanager
def counting() -> Iterator[Stalls]:
    """Count for a block."""
    stalls = Stalls()
    thread = threading.Thread(target=stalls._count)
    thread.start()
    try:
        yield stalls
    finally:
        stalls._over.set()
        thread.join()
