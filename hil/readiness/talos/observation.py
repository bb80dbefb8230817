"""What one round of questions found of a Talos node: each value, or why it is unknown. Asks and judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias, TypeVar

from hil.clock import NANOSECONDS
from hil.readiness.talos.trouble import Trouble


class Mode(Enum):
    """Which side of Talos answered."""

    CONFIGURED = "configured"
    MAINTENANCE = "maintenance"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that could not be had.

    Args:
        why: in a few words, on one line.
    """

    why: str

    def __str__(self) -> str:
        return f"unknown: {self.why}"


T = TypeVar("T")
Known: TypeAlias = T | Unknown

NOT_ASKED: Final = Unknown("not asked")


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that Talos itself waits for (MachineStatus, status.unmetConditions).

    Args:
        name: as "network" or "services".
        reason: Talos's own words.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """Talos's own judgement of the machine, from one answer.

    Args:
        stage: as "running" (machinery v1.13.9, resources/runtime, MachineStage).
        ready: whether nothing is unmet; it says nothing in the stage maintenance, where nothing is checked.
        unmet: what it waits for.
    """

    stage: str
    ready: bool
    unmet: tuple[Unmet, ...]


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service of Talos.

    Args:
        state: as "Running" or "Waiting" (machinery, api/machine, ServiceInfo).
        healthy: what its health check says; None for a service without one.
        message: the last words about it.
    """

    state: str
    healthy: bool | None
    message: str

    @property
    def running(self) -> bool:
        """Whether it runs, and is not unhealthy."""
        return self.state == "Running" and self.healthy is not False


@dataclass(frozen=True, slots=True)
class Observation:
    """What one round found.

    Args:
        at_ns: when the round was over, ns of the one clock.
        mode: which side of Talos answered.
        place: whom was asked: host and port.
        trouble: what went wrong with reaching it, or None.
        status: Talos's own judgement.
        version: its tag, as "v1.13.9".
        hostname: what it calls itself.
        extensions: version by name.
        services: state by id, of those that Talos lists.
        boot_id: of this boot of its kernel.
        addresses: its own, with prefix length.
        clock_offset: seconds by which the node's wall clock is ahead of this host's.
        roles: of the client certificate that was shown; none in maintenance mode.
        fingerprint: of the key that the node showed, or "".
        verified: whether its identity is proved: by the CA, or in maintenance mode by the expected fingerprint.
        began_ns: when the round began, ns of the one clock.
        simulated: whether it says of itself that it is the simulated node and no Talos.
    """

    at_ns: int
    mode: Mode
    place: str
    trouble: Trouble | None = None
    status: Known[MachineStatus] = NOT_ASKED
    version: Known[str] = NOT_ASKED
    hostname: Known[str] = NOT_ASKED
    extensions: Known[Mapping[str, str]] = NOT_ASKED
    services: Known[Mapping[str, ServiceState]] = NOT_ASKED
    boot_id: Known[str] = NOT_ASKED
    addresses: Known[tuple[str, ...]] = NOT_ASKED
    clock_offset: Known[float] = NOT_ASKED
    roles: tuple[str, ...] = ()
    fingerprint: str = ""
    verified: bool = False
    began_ns: int = 0
    simulated: bool = False

    @property
    def reached(self) -> bool:
        """Whether the node answered."""
        return self.mode is not Mode.UNREACHABLE

    @property
    def took(self) -> float:
        """Seconds that the round took."""
        return (self.at_ns - self.began_ns) / NANOSECONDS

    @property
    def stage(self) -> Known[str]:
        """The stage alone."""
        return self.status if isinstance(self.status, Unknown) else self.status.stage


def unreachable(at_ns: int, place: str, trouble: Trouble, fingerprint: str = "") -> Observation:
    """What is known of a node that does not answer: nothing but why.

    Args:
        at_ns: when that was found, ns of the one clock.
        place: host and port.
        trouble: why.
        fingerprint: of the key that it showed all the same, or "".
    """
    nothing = Unknown(trouble.short)
    return Observation(
        at_ns,
        Mode.UNREACHABLE,
        place,
        trouble,
        status=nothing,
        version=nothing,
        hostname=nothing,
        extensions=nothing,
        services=nothing,
        boot_id=nothing,
        addresses=nothing,
        clock_offset=nothing,
        fingerprint=fingerprint,
        began_ns=at_ns,
    )
