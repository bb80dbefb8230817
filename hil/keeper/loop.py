"""The keeper's event loop: descriptors, signals and calls from other threads, one at a time in one thread.

It is a select loop and no more: no tasks, and one timer for each owner. (asyncio does the same and much besides; to
import it takes longer than all the rest of the keeper's start.) It knows nothing of what it serves.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from hil.clock import NANOSECONDS, Deadline, now_ns

_NOTHING = b"\0"

# Where many lines speak at once each piece would wake the loop, which costs more than to take the piece in: 16 lines
# at 115200 baud are 35 % of a core so, and 20 % with this nap (benchmarks/consoles.py). Stamps are late by it.
_NAP: Final = 0.001
_NAP_NS: Final = round(_NAP * NANOSECONDS)
_WAKES_IN_A_ROW: Final = 16


class _Watch(NamedTuple):
    read: Callable[[], None] | None
    write: Callable[[], None] | None


class Loop:
    """Calls back when a descriptor is ready, a signal came or a thread asked.

    Args:
        signals: signal numbers to take from the process and hand to `on_signal`; made in the main thread.
        on_signal: called with the number, in the loop and not in the signal handler.
    """

    def __init__(self, signals: Sequence[int], on_signal: Callable[[int], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._watches: dict[int, _Watch] = {}
        self._calls: deque[Callable[[], None]] = deque()
        self._timers: dict[object, tuple[Deadline, Callable[[], None]]] = {}
        self._on_signal = on_signal
        self._wakes_in_a_row = 0
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.watch(self._wake_out, read=self._woken)
        signal.set_wakeup_fd(self._wake_in, warn_on_full_buffer=False)
        for number in signals:
            # A handler must exist for the number to be written to the wake-up descriptor.
            signal.signal(number, lambda *_: None)

    def watch(
        self,
        descriptor: int,
        *,
        read: Callable[[], None] | None = None,
        write: Callable[[], None] | None = None,
    ) -> None:
        """Say what to call when a descriptor is ready; replaces what was said before; nothing at all: forget it."""
        wanted = _Watch(read, write)
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        known = self._watches.pop(descriptor, None)
        if events:
            self._watches[descriptor] = wanted
            if known is None:
                self._selector.register(descriptor, events)
            else:
                self._selector.modify(descriptor, events)
        elif known is not None:
            self._selector.unregister(descriptor)

    def set_timer(self, owner: object, deadline: Deadline | None, call: Callable[[], None]) -> None:
        """Have `call` called once at a deadline; replaces the owner's timer before; None: only forget that one."""
        self._timers.pop(owner, None)
        if deadline is not None:
            self._timers[owner] = (deadline, call)

    def call_soon_threadsafe(self, call: Callable[[], None]) -> None:
        """Have `call` called in the loop; the one method for other threads."""
        self._calls.append(call)
        with contextlib.suppress(BlockingIOError):  # full: the loop is going to wake anyhow
            os.write(self._wake_in, _NOTHING)

    def run_until(self, done: Callable[[], bool], deadline: Deadline) -> bool:
        """Serve until `done()` or the deadline; whether it was done. May be called within a callback."""
        while not done():
            remaining = deadline.remaining()
            if remaining == 0.0:
                return False
            waits = [remaining, *(timer.remaining() for timer, _ in self._timers.values())]
            for descriptor, events in self._ready(min((wait for wait in waits if wait is not None), default=None)):
                self._call(descriptor, events)
            self._call_timers()
        return True

    def _ready(self, timeout: float | None) -> list[tuple[int, int]]:
        """Descriptors and their events; after a nap where many come one by one and nobody waits to be written to."""
        if self._wakes_in_a_row >= _WAKES_IN_A_ROW:
            time.sleep(_NAP)
        began = now_ns()
        ready = [(key.fd, events) for key, events in self._selector.select(timeout)]
        only_reading = all(events == selectors.EVENT_READ for _, events in ready)
        at_once = now_ns() - began < _NAP_NS
        self._wakes_in_a_row = self._wakes_in_a_row + 1 if only_reading and at_once else 0
        return ready

    def _call(self, descriptor: int, events: int) -> None:
        # An earlier callback of the same round may have closed this one, or changed its mind.
        watch = self._watches.get(descriptor)
        if watch is not None and watch.read is not None and events & selectors.EVENT_READ:
            watch.read()
        watch = self._watches.get(descriptor)
        if watch is not None and watch.write is not None and events & selectors.EVENT_WRITE:
            watch.write()

    def _call_timers(self) -> None:
        for owner in [owner for owner, (timer, _) in self._timers.items() if timer.expired]:
            # An earlier callback of the same round may have taken it back.
            timer = self._timers.pop(owner, None)
            if timer is not None:
                timer[1]()

    def _woken(self) -> None:
        numbers = os.read(self._wake_out, 4096)
        for number in set(numbers) - set(_NOTHING):
            self._on_signal(number)
        while self._calls:
            self._calls.popleft()()
