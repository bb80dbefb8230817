"""What a machine is made of: the page to start reading from.

A machine is a composition of parts, whatever its kind: a QEMU guest and a board on a bench differ only in the parts
they have. The protocols here are what every kind of part promises; verified switching, which no part can do for
itself, lives here too. Nothing here knows a rig file, a bench or a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast, runtime_checkable

from hil.clock import Deadline, now_ns
from hil.errors import InfrastructureError, MissingPart
from hil.power.port import PowerState
from hil.timeline.events import Event

__all__ = [
    "Disk",
    "Disks",
    "Doors",
    "Events",
    "Identity",
    "Machine",
    "Nic",
    "NotSwitched",
    "Power",
    "PowerState",
    "Reset",
    "Seen",
    "Switched",
    "VerifiedPower",
    "Witness",
]


class NotSwitched(InfrastructureError):
    """A switching that did not read back, or that something else than the switch saw to be untrue."""


@runtime_checkable
class Power(Protocol):
    """Switches the machine's supply. Each method returns when the act is done, not when the machine has booted."""

    def on(self, *, deadline: Deadline) -> int:
        """Switch on; returns the moment it took effect, ns of the one clock. A machine that is on stays on."""
        ...

    def off(self, *, deadline: Deadline) -> int:
        """Take the supply away, with no warning to the machine; returns the moment, ns of the one clock."""
        ...

    @property
    def reads_back(self) -> bool:
        """Whether the device can tell its state; where not, `state` is UNKNOWN always."""
        ...

    def state(self) -> PowerState:
        """Read back from the device, never remembered."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """What a witness saw.

    Args:
        state: of the machine's supply; UNKNOWN where it could not tell.
        words: what it saw, as "the meter reads 3.1 W".
    """

    state: PowerState
    words: str


@runtime_checkable
class Witness(Protocol):
    """Sees by other means than the switch whether a machine has power: a meter, its console."""

    def look(self, wanted: PowerState, since_ns: int, *, deadline: Deadline) -> Seen:
        """Look after a switching, for as long as it takes to be sure.

        Args:
            wanted: ON or OFF, what the switch was told.
            since_ns: when it was told, ns of the one clock; nothing from before counts.
            deadline: after which it is to say UNKNOWN.
        """
        ...


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

    def part(self, protocol: type[P]) -> P:
        """The part that keeps this protocol.

        Raises:
            MissingPart: the machine has none.
        """
        found = self.parts.get(protocol)
        if found is None:
            raise MissingPart(
                f"machine {self.name} ({self.kind}) has no {protocol.__name__.lower()}",
                hint="give the node that part in the rig file, or run this test on a rig that has it",
            )
        return cast(P, found)

    @property
    def power(self) -> VerifiedPower:
        """Its supply, believed only when it reads back."""
        return VerifiedPower(self.part(Power), self.name, self.witnesses)  # type: ignore[type-abstract]


@dataclass(frozen=True, slots=True)
class Switched:
    """A switching that is believed.

    Args:
        at_ns: when it was told to, ns of the one clock.
        error_ns: how long it took to acknowledge it.
        proof: what shows it, in words: "reads back on; the meter reads 3.1 W", or that nothing could.
    """

    at_ns: int
    error_ns: int
    proof: str


@dataclass(frozen=True, slots=True)
class VerifiedPower:
    """A power part whose every switching is read back, and seen by whatever else can see it.

    A contact that has welded reads back off with the machine running behind it, so what the device says is not enough
    where there is a meter or a console that talks.

    Args:
        power: the part.
        machine: its machine's name, for messages.
        witnesses: what else sees its power.
    """

    power: Power
    machine: str
    witnesses: Sequence[Witness] = ()

    def on(self, *, deadline: Deadline) -> Switched:
        """Switch on, read back, and ask the witnesses.

        Raises:
            NotSwitched: it does not read back on, or a witness sees no power.
        """
        return self._verified(PowerState.ON, self.power.on(deadline=deadline), deadline)

    def off(self, *, deadline: Deadline) -> Switched:
        """Switch off, read back, and ask the witnesses.

        Raises:
            NotSwitched: it does not read back off, or a witness sees the machine run on: a welded contact.
        """
        return self._verified(PowerState.OFF, self.power.off(deadline=deadline), deadline)

    def state(self) -> PowerState:
        """What the part reads back now."""
        return self.power.state()

    def _verified(self, wanted: PowerState, moment: int, deadline: Deadline) -> Switched:
        took = now_ns() - moment
        found = self.power.state()
        if found is not wanted and (self.power.reads_back or found is not PowerState.UNKNOWN):
            raise NotSwitched(
                f"{self.machine}: power was switched {wanted.value} and reads back {found.value}",
                hint="look at what switches this machine's supply; believe nothing it does until that reads back",
            )
        proofs = [f"reads back {found.value}"] if found is wanted else []
        for witness in self.witnesses:
            seen = witness.look(wanted, moment, deadline=deadline)
            if seen.state not in (wanted, PowerState.UNKNOWN):
                raise self._belied(wanted, found, seen)
            if seen.state is wanted:
                proofs.append(seen.words)
        return Switched(moment, took, "; ".join(proofs) or "unverified: this power port cannot be read back")

    def _belied(self, wanted: PowerState, found: PowerState, seen: Seen) -> NotSwitched:
        said = "cannot be read back" if found is PowerState.UNKNOWN else f"reads back {found.value}"
        if wanted is PowerState.OFF:
            return NotSwitched(
                f"{self.machine}: power was switched off and {said}, but {seen.words}: a contact that has welded, a"
                " second supply (USB, a serial adapter that feeds it), or the wrong port",
                hint="take the supply's plug out by hand; the machine must go dark. Then look at the relay, and at"
                " which port the rig file gives to this node: `hil rig find`",
            )
        return NotSwitched(
            f"{self.machine}: power was switched on and {said}, but {seen.words}: no supply behind the contact, a"
            " blown fuse, a contact that no longer closes, or the wrong port",
            hint="see that the supply is plugged in and its lamp lit, and which port the rig file gives to this node",
        )
