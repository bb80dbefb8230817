"""What is left of a deadline, as a socket's time-out wants it. Opens no socket."""

from __future__ import annotations

from hil.clock import Deadline


def left(until: Deadline) -> float | None:
    """Seconds for a socket's time-out; never 0, with which it would not wait at all.

    Raises:
        TimeoutError: nothing is left.
    """
    if until.expired:
        raise TimeoutError
    remaining = until.remaining()
    return None if remaining is None else max(remaining, 0.001)
