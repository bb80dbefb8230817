"""Switching that is believed only when it reads back, and when nothing else that can see it says the contrary.

Drives nothing itself: a power part does, and witnesses (a meter, the console) see. Knows no kind of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hil.clock import Deadline, now_ns
from hil.errors import InfrastructureError
from hil.power.port import PowerState

__all__ = ["Acted", "NotSwitched", "Power", "PowerState", "Seen", "Switched", "VerifiedPower", "Witness"]


class NotSwitched(InfrastructureError):
    """A switching that did not read back, or that something else than the switch saw to be untrue."""


@dataclass(frozen=True, slots=True)
class Acted:
    """A switching as the part did it, which is not believed yet.

    Args:
        at_ns: when it took effect, ns of the one clock.
        state: what the device read back in the same exchange; UNKNOWN where it has to be asked for it.
    """

    at_ns: int
    state: PowerState = PowerState.UNKNOWN


@runtime_checkable
class Power(Protocol):
    """Switches the machine's supply. Each method returns when the act is done, not when the machine has booted."""

    def on(self, *, deadline: Deadline) -> Acted:
        """Switch on. A machine that is on stays on."""
        ...

    def off(self, *, deadline: Deadline) -> Acted:
        """Take the supply away, with no warning to the machine."""
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

    def _verified(self, wanted: PowerState, acted: Acted, deadline: Deadline) -> Switched:
        moment, took = acted.at_ns, now_ns() - acted.at_ns
        found = self.power.state() if acted.state is PowerState.UNKNOWN else acted.state
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
