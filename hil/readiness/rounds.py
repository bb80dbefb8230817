"""Asks the same questions over and over in the background, and keeps the last answers. Judges nothing.

For probes whose interfaces have no events of their own: a thread each, one round after the other, each by a deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from hil.clock import Deadline, now_ns
from hil.errors import ConfigError, HilBug, HilError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Missing:
    """What could not be asked.

    Args:
        reason: why, in a few words on one line.
        hint: what a person may do about it, or "".
    """

    reason: str
    hint: str = ""

    @classmethod
    def of(cls, error: HilError) -> Missing:
        """What an error says, on one line; of a user's file the first thing that is wrong."""
        said = error.message
        if isinstance(error, ConfigError) and error.problems:
            said = f"{error.problems[0].file}: {error.problems[0].message}"
        return cls(" ".join(said.split()), error.hint)


@dataclass(frozen=True, slots=True)
class Round(Generic[T]):
    """What one round found.

    Args:
        found: the answers, or why there are none.
        began_ns: when its first question was asked, ns of the one clock.
        at_ns: when its last answer was there.
    """

    found: T | Missing
    began_ns: int
    at_ns: int


class Rounds(Generic[T]):
    """Asks from its making to its close.

    Args:
        name: of its thread, for whoever debugs.
        ask: asks everything once, by a deadline that it keeps; a HilError that it raises is why nothing was found.
        every: seconds from the end of a round to the beginning of the next.
        within: seconds that a round may take; `close` waits that long at most.
    """

    def __init__(self, name: str, ask: Callable[[Deadline], T], *, every: float, within: float) -> None:
        self._ask = ask
        self._every = every
        self._within = within
        self._changed = threading.Condition()
        self._latest: Round[T] | None = None
        self._forgotten_ns = 0
        self._wanted = False
        self._over = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def latest(self) -> Round[T] | None:
        """What the last round found; None before the first is over.

        Raises:
            HilBug: asking has ended by a fault of hil.
        """
        with self._changed:
            self._must_run()
            return self._latest

    def ask_now(self) -> None:
        """Begin a round at once, or after the one that is under way."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def begin_again(self) -> None:
        """What was asked before now no longer counts, be its answer still to come."""
        with self._changed:
            self._latest = None
            self._forgotten_ns = now_ns()
        self.ask_now()

    def wait(self, deadline: Deadline, *, since_ns: int = 0) -> Round[T] | None:
        """Wait for a round that began after a moment; None when there is none by the deadline.

        Args:
            deadline: by when.
            since_ns: that moment, ns of the one clock.

        Raises:
            HilBug: asking has ended by a fault of hil.
        """
        with self._changed:
            while self._latest is None or self._latest.began_ns < since_ns:
                self._must_run()
                if deadline.expired or self._over:
                    return None
                self._changed.wait(deadline.remaining())
            return self._latest

    def close(self) -> None:
        """Stop asking; returns when the round that is under way is over."""
        self._end()
        self._thread.join()

    def _end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while not self._over:
                began = now_ns()
                self._keep(self._one_round(), began)
                self._pause()
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._end()

    def _must_run(self) -> None:
        if self._failure is not None:
            what = f"{self._thread.name} is asked no more, by a fault of hil: {self._failure!r}"
            raise HilBug(what, hint="report it with this message") from self._failure

    def _one_round(self) -> T | Missing:
        try:
            return self._ask(Deadline.after(self._within))
        except HilError as error:
            return Missing.of(error)

    def _keep(self, found: T | Missing, began: int) -> None:
        with self._changed:
            if began >= self._forgotten_ns:
                self._latest = Round(found, began, now_ns())
                self._changed.notify_all()

    def _pause(self) -> None:
        deadline = Deadline.after(self._every)
        with self._changed:
            while not (self._wanted or self._over or deadline.expired):
                self._changed.wait(deadline.remaining())
            self._wanted = False
