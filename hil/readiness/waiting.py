"""Waiting until a machine is ready, and stays so: ends early when that cannot come any more. Asks nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from hil.clock import Deadline
from hil.errors import NodeError, UsageError
from hil.readiness.readiness import Readiness

_LOOK = 0.1


class Looked(Protocol):
    """What is waited on: a panel, or a stand-in."""

    def look(self) -> Readiness:
        """What was last found, without waiting."""
        ...

    @property
    def hopeless(self) -> str:
        """Why no waiting will help, or ""."""
        ...


def until_ready(
    looked: Looked, *, within: float | Deadline, stable_for: float = 0.0, step: Callable[[Deadline], None]
) -> Readiness:
    """Wait until every condition holds, and has held for a time without a break.

    Args:
        looked: what is waited on.
        within: seconds or a deadline, for becoming ready and staying so.
        stable_for: seconds for which all of it must hold without a break.
        step: lets a little time pass, at most until the deadline it is given, and takes in what has arrived; the
            NodeError that it raises is the machine's death and ends the wait.

    Returns:
        what was found last: true only when the wait succeeded; `stopped` says why it ended early.

    Raises:
        UsageError: what is asked cannot be, however ready the machine is.
    """
    deadline = Deadline.of(within)
    if stable_for and stable_for >= deadline.within:
        raise UsageError(
            f"ready within {deadline.within:g} s and stable for {stable_for:g} s cannot both be",
            hint="within= counts for becoming ready and staying so: give it more seconds than stable_for=",
        )
    waited = f"waited at most {deadline}" + (f", stable for {stable_for:g} s" if stable_for else "")
    stable: Deadline | None = None
    while True:
        # By a look that began after that time: where this process is held up, it alone says nothing of the machine.
        long_enough = not stable_for or (stable is not None and stable.expired and not _later(stable, deadline))
        found = replace(looked.look(), waited=waited)
        if not found:
            stable = None
            if why := looked.hopeless:
                return replace(found, stopped=why)
        elif long_enough:
            return found
        elif stable is None:
            stable = Deadline.after(stable_for)
        if deadline.expired:
            return replace(found, stopped=f"it was not ready for {stable_for:g} s without a break") if found else found
        try:
            step(deadline.sooner(_LOOK if stable is None else min(_LOOK, stable.remaining() or 0.0)))
        except NodeError as death:
            return replace(looked.look(), waited=waited, stopped=death.message)


def _later(one: Deadline, other: Deadline) -> bool:
    """Whether one moment comes after another."""
    return other.at_ns is not None and (one.at_ns is None or one.at_ns > other.at_ns)
