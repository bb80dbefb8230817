"""What a machine is made of: the page to start reading from.

A machine is a composition of parts, whatever its kind: a QEMU guest and a board on a bench differ only in the parts
they have. The protocols here are what every kind of part promises; that of a switch, and verified switching, are in
`hil.switching`. Nothing here knows a rig file, a bench or a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar, cast, runtime_checkable

from hil.clock import Deadline
from hil.errors import MissingPart
from hil.power.sampler import Sampler
from hil.switching import Acted, NotSwitched, Power, PowerState, Seen, Switched, VerifiedPower, Witness
from hil.timeline.events import Event
from hil.timeline.stages import STAGES, Stage

__all__ = [
    "Acted",
    "Disk",
    "Disks",
    "Doors",
    "Events",
    "Identity",
    "Machine",
    "Meter",
    "Netboot",
    "Nic",
    "NotSwitched",
    "Power",
    "PowerState",
    "Reset",
    "Seen",
    "SerialConsole",
    "Switched",
    "VerifiedPower",
    "Witness",
    "part_name",
]


@runtime_checkable
class Reset(Protocol):
    """Starts the machine again without taking its supply away."""

    def reset(self, *, deadline: Deadline) -> int:
        """Returns the moment, ns of the one clock."""
        ...


@runtime_checkable
class Nic(Protocol):
    """The machine's network port."""

    @property
    def mac(self) -> str:
        """aa:bb:cc:dd:ee:ff"""
        ...

    def link(self, up: bool, *, deadline: Deadline) -> None:
        """Plug the cable in or pull it."""
        ...


@runtime_checkable
class Doors(Protocol):
    """TCP ports of the machine that the bench can reach."""

    @property
    def ports(self) -> tuple[int, ...]:
        """The machine's own ports that a door leads to, in order."""
        ...

    def reach(self, port: int, *, deadline: Deadline) -> tuple[str, int]:
        """Where a client on the bench connects to for the machine's own TCP port."""
        ...


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk of a machine.

    Args:
        device: what Linux calls it, as /dev/mmcblk0.
        size: bytes.
    """

    device: str
    size: int


@runtime_checkable
class Disks(Protocol):
    """The machine's disks."""

    @property
    def disks(self) -> tuple[Disk, ...]:
        """Each of them, in the order in which they are attached; at least one."""
        ...


@runtime_checkable
class Meter(Protocol):
    """What the machine's supply delivers, read again and again while the machine is on."""

    @property
    def meter(self) -> str:
        """What the rig calls it."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether its figures are the bench twin's."""
        ...

    @property
    def sampler(self) -> Sampler:
        """What samples it now; another one after each power-on."""
        ...


@runtime_checkable
class SerialConsole(Protocol):
    """A serial line that leads to the machine's console."""

    @property
    def line(self) -> str:
        """The device or the serial server, in words."""
        ...


class Netboot(Protocol):
    """The machine boots what the bench's Matchbox has for it; one that is attached boots its own."""


@runtime_checkable
class Events(Protocol):
    """A stream of events that can be waited for with `select`."""

    def fileno(self) -> int:
        """Readable when `take` has something to return."""
        ...

    def take(self) -> list[Event]:
        """The events since the last call, without waiting."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """How Matchbox tells this machine from others.

    Args:
        mac: of the port that boots, aa:bb:cc:dd:ee:ff.
        uuid: SMBIOS system UUID.
        serial: SMBIOS system serial number.
    """

    mac: str
    uuid: str
    serial: str


def part_name(protocol: type[object]) -> str:
    """What a person calls a part, as "power" or "console"."""
    return "console" if protocol is SerialConsole else protocol.__name__.lower()


P = TypeVar("P")


@dataclass(frozen=True)
class Machine:
    """One piece of hardware or one guest.

    Args:
        name: as the rig calls it.
        kind: "qemu", "board", ...
        identity: its selectors.
        console_argument: the kernel argument that this machine's console needs, as "console=ttyAMA0".
        console_stream: the keeper's name for its console.
        control_stream: the keeper's name for what its driver prints (QEMU's own stderr), or None.
        parts: each part by its protocol.
        close: lets go of its control channel; the machine goes on.
        facts: what else the record of a boot says of it, as its accelerator.
        witnesses: what sees by other means than its switch whether it has power.
        look_every: seconds between two looks at its power while a boot is watched; more where a look is slow.
        stages: those that its boots have, in order.
        attach: begins to record a machine that runs already, in a boot's folder; None for one that the bench boots.
    """

    name: str
    kind: str
    identity: Identity
    console_argument: str
    console_stream: str
    control_stream: str | None
    parts: Mapping[type[object], object] = field(repr=False)
    close: Callable[[], None] = field(repr=False)
    facts: Mapping[str, object] = field(default_factory=dict, repr=False)
    witnesses: Sequence[Witness] = ()
    look_every: float = 0.25
    stages: tuple[Stage, ...] = STAGES
    attach: Callable[[Path], None] | None = field(default=None, repr=False)

    @property
    def attached(self) -> bool:
        """Whether it runs already and is not booted by the bench."""
        return self.attach is not None

    def part(self, protocol: type[P]) -> P:
        """The part that keeps this protocol.

        Raises:
            MissingPart: the machine has none.
        """
        found = self.parts.get(protocol)
        if found is None:
            raise MissingPart(
                f"machine {self.name} ({self.kind}) has no {part_name(protocol)}",
                hint="give the node that part in the rig file, or run this test on a rig that has it",
            )
        return cast(P, found)

    @property
    def power(self) -> VerifiedPower:
        """Its supply, believed only when it reads back."""
        return VerifiedPower(self.part(Power), self.name, self.witnesses)  # type: ignore[type-abstract]
