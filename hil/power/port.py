"""What a power port promises, and how it fails. A kind is a module with a frozen `Config` and a `create(config)`.

A port is what the device is, no more: it says what was acknowledged and what reads back, and never remembers. Whether
a machine is really on is for `hil.machine`, which sees its meter and its console too.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol, runtime_checkable

from hil.clock import Deadline
from hil.errors import InfrastructureError


class PowerState(Enum):
    """What a power part reads back. UNKNOWN is never taken for ON or OFF."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, on: bool) -> PowerState:
        """ON or OFF."""
        return cls.ON if on else cls.OFF


class PortAbsent(InfrastructureError):
    """The device is not there, may not be opened, or nobody listens where it should."""


class PortSilent(InfrastructureError):
    """The device does not answer. Whether it did what it was told is not known."""


class PortGarbled(InfrastructureError):
    """What the device answers is no answer: a wrong checksum, half a line, another channel's."""


class PortRefused(InfrastructureError):
    """The device says no: a password that is wrong, a channel that it does not have."""


class PowerPort(Protocol):
    """One relay, outlet or switched supply. Whoever made it closes it."""

    @property
    def name(self) -> str:
        """What a person calls it, for messages: the device and its channel. No secret is in it."""
        ...

    @property
    def reads_back(self) -> bool:
        """Whether the device itself can tell its state; where not, `read` gives UNKNOWN always."""
        ...

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Switch; returns when the device has acknowledged it, or has been told where it acknowledges nothing.

        To switch to a state that it has already does nothing, so that it may be said again after a lost reply.

        Returns:
            What the device read back in the same exchange, which spares a `read`; UNKNOWN where that tells nothing.

        Raises:
            PortAbsent, PortSilent, PortGarbled, PortRefused: as they say.
        """
        ...

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the device; UNKNOWN where it cannot tell. Errors as in `switch`."""
        ...

    def close(self) -> None:
        """Let go of the device, whose state stays; more than once does no harm."""
        ...


@runtime_checkable
class Delayed(Protocol):
    """A port that lets time pass before it tells its device anything."""

    @property
    def told_ns(self) -> int:
        """When it last told its device to switch, after that time, ns of the one clock; 0 before the first."""
        ...
