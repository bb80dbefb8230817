"""What drivers share that ask a device over and over until it answers well: at most three times within the deadline.

Knows no device and no line; `hil.power.line` has the serial ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from hil.clock import Deadline
from hil.power.port import PortGarbled, PortSilent

TRIES: Final = 3
"""How often a device is asked that does not answer, or not well. What is asked may be asked again without harm."""
ANSWER_WITHIN: Final = 2.0
"""Seconds that one try waits for the answer: a relay board needs some 10 ms, a loaded host or a slow board more."""

T = TypeVar("T")


def one_try(deadline: Deadline) -> Deadline:
    """Until when one try waits for its answer, from the moment when it can ask.

    Args:
        deadline: for all tries together.
    """
    return deadline.sooner(ANSWER_WITHIN)


def persistently(ask: Callable[[], T], *, deadline: Deadline) -> T:
    """Ask until there is a good answer; the last try's error where there is none.

    Args:
        ask: asks once, and waits as long as `one_try` says. It is called again after a lost or garbled answer, so what
            it does must be the same when done twice: never a toggle.
        deadline: for all tries together.

    Raises:
        PortSilent, PortGarbled: of the last try.
        PortAbsent, PortRefused: of any try; asking again would not help.
    """
    for _ in range(TRIES - 1):
        try:
            return ask()
        except (PortSilent, PortGarbled):
            if deadline.expired:
                raise
    return ask()
