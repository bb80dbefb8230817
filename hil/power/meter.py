"""What a meter promises. A kind is a module with a frozen `Config` and a `create(config)`. Integrates nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hil.clock import Deadline


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a meter.

    Args:
        at_ns: when the value held, ns of the one clock: the middle between question and answer.
        error_ns: half of that time.
        volts: V, or None where the meter does not tell.
        amperes: A, or None.
        watts: W; V x A where the meter tells these two alone; None where it cannot be known.
        counter_wh: the meter's own energy counter, Wh, or None.
    """

    at_ns: int
    error_ns: int
    volts: float | None = None
    amperes: float | None = None
    watts: float | None = None
    counter_wh: float | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """The smallest step of each value, None where that is not documented.

    Args:
        volts: V.
        amperes: A.
        watts: W.
    """

    volts: float | None = None
    amperes: float | None = None
    watts: float | None = None


class Meter(Protocol):
    """One meter, or one channel of one. Whoever made it closes it."""

    @property
    def name(self) -> str:
        """What a person calls it, for messages: the device and its channel."""
        ...

    @property
    def resolution(self) -> Resolution:
        """What its datasheet or its interface says."""
        ...

    def read(self, *, deadline: Deadline) -> Reading:
        """Read it once.

        Raises:
            PortAbsent, PortSilent, PortGarbled, PortRefused: of `hil.power.port`, as they say.
        """
        ...

    def close(self) -> None:
        """Let go of it; more than once does no harm."""
        ...
