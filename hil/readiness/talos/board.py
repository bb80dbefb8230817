"""What is known of a node now, between the thread that asks and those that want to know. Asks nothing itself."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from hil.clock import Deadline, now_ns
from hil.readiness.talos.changes import Change, TalosEvent
from hil.readiness.talos.observation import Observation

T = TypeVar("T")

_MOST_CHANGES = 10_000
_MOST_EVENTS = 5_000


class Board:
    """Written by one thread, read by any."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._latest: Observation | None = None
        self._forgotten_ns = 0
        self._news = False
        self._ended = False
        self._changes: deque[Change] = deque(maxlen=_MOST_CHANGES)
        self._events: dict[str, TalosEvent] = {}

    def publish(self, observation: Observation, asked_ns: int | None = None) -> None:
        """What the last round found; nothing of what was asked before all was forgotten.

        Args:
            observation: it.
            asked_ns: when that was asked, ns of the one clock; None for the round's beginning.
        """
        with self._condition:
            if (observation.began_ns if asked_ns is None else asked_ns) < self._forgotten_ns:
                return
            self._latest = observation
            self._news = True
            self._condition.notify_all()

    def note(self, change: Change) -> None:
        """Something changed; the oldest of too many changes are forgotten."""
        with self._condition:
            self._changes.append(change)
            self._news = True
            self._condition.notify_all()

    def add(self, event: TalosEvent) -> bool:
        """An event of Talos's own; whether it is a new one, as a new connection brings old ones again."""
        with self._condition:
            new = event.id not in self._events
            if new:
                self._events[event.id] = event
                if len(self._events) > _MOST_EVENTS:
                    del self._events[next(iter(self._events))]
            return new

    def forget(self) -> None:
        """The machine starts anew: what was asked of it before no longer counts, be its answer still to come."""
        with self._condition:
            self._latest = None
            self._forgotten_ns = now_ns()
            self._events.clear()

    def end(self) -> None:
        """Nobody asks any more: what was found goes stale, so it is forgotten, and who waits is let go."""
        with self._condition:
            self._ended = True
            self._latest = None
            self._condition.notify_all()

    @property
    def latest(self) -> Observation | None:
        """What the last round found; None before the first."""
        with self._condition:
            return self._latest

    def take_changes(self) -> list[Change]:
        """The changes since the last call."""
        with self._condition:
            taken = list(self._changes)
            self._changes.clear()
            self._news = False
            return taken

    def events(self) -> Sequence[TalosEvent]:
        """Talos's events, oldest first."""
        with self._condition:
            return tuple(sorted(self._events.values(), key=lambda event: event.id))

    def wait(self, look: Callable[[], T | None], deadline: Deadline) -> T | None:
        """Wait until `look`, called at every change, returns something; None when time is up or nobody asks now."""
        with self._condition:
            while (found := look()) is None:
                if deadline.expired or self._ended:
                    return None
                self._condition.wait(deadline.remaining())
            return found

    def wait_for_news(self, deadline: Deadline) -> bool:
        """Wait until something was published or noted since `take_changes`; whether that came."""
        return self.wait(lambda: self._news or None, deadline) is not None
