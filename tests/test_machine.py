"""A machine's parts, asked for; and switching that is believed only when it reads back."""

from __future__ import annotations

import pytest

from hil.clock import Deadline
from hil.errors import InfrastructureError, MissingPart
from hil.machine import Doors, Identity, Machine, Nic, Power, PowerState, VerifiedPower

SOON = Deadline.after(60)


class Switch:
    """A supply that reads back what it is told to, whatever is switched."""

    def __init__(self, *reads: PowerState) -> None:
        self._reads = list(reads)
        self.switched: list[str] = []

    def on(self, *, deadline: Deadline) -> int:
        self.switched.append("on")
        return 11

    def off(self, *, deadline: Deadline) -> int:
        self.switched.append("off")
        return 22

    def state(self) -> PowerState:
        return self._reads.pop(0)


def machine(**parts: object) -> Machine:
    by_protocol = {{"power": Power, "nic": Nic, "doors": Doors}[name]: part for name, part in parts.items()}
    return Machine(
        name="n1",
        kind="board",
        identity=Identity("52:54:00:00:00:01", "u", "s"),
        console_argument="console=ttyS0",
        console_stream="console:n1",
        control_stream=None,
        parts=by_protocol,  # type: ignore[arg-type]
        close=lambda: None,
    )


def test_a_part_is_the_one_that_keeps_the_protocol() -> None:
    switch = Switch()
    assert machine(power=switch).part(Power) is switch  # type: ignore[type-abstract]


def test_a_part_that_is_not_there_is_missing_and_not_none() -> None:
    with pytest.raises(MissingPart, match=r"machine n1 \(board\) has no nic") as caught:
        machine(power=Switch()).part(Nic)  # type: ignore[type-abstract]
    assert caught.value.exit_code == 3
    assert "give the node that part in the rig file" in caught.value.hint
    with pytest.raises(MissingPart, match="has no power"):
        _ = machine().power


def test_power_that_reads_back_is_believed() -> None:
    switch = Switch(PowerState.ON, PowerState.OFF, PowerState.UNKNOWN)
    power = machine(power=switch).power
    assert power.on(deadline=SOON) == 11
    assert power.off(deadline=SOON) == 22
    assert power.state() is PowerState.UNKNOWN
    assert switch.switched == ["on", "off"]


@pytest.mark.parametrize("read", [PowerState.OFF, PowerState.UNKNOWN])
def test_on_that_reads_back_otherwise_is_the_benchs_fault(read: PowerState) -> None:
    with pytest.raises(InfrastructureError, match=f"n1: power was switched on and reads back {read.value}"):
        VerifiedPower(Switch(read), "n1").on(deadline=SOON)


@pytest.mark.parametrize("read", [PowerState.ON, PowerState.UNKNOWN])
def test_off_that_reads_back_otherwise_is_the_benchs_fault(read: PowerState) -> None:
    with pytest.raises(InfrastructureError, match=f"n1: power was switched off and reads back {read.value}"):
        VerifiedPower(Switch(read), "n1").off(deadline=SOON)
