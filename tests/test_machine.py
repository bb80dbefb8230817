"""A machine's parts, asked for; and switching that is believed only when it reads back."""

from __future__ import annotations

import pytest

from hil.clock import Deadline
from hil.errors import InfrastructureError, MissingPart
from hil.machine import Acted, Doors, Identity, Machine, Nic, NotSwitched, Power, PowerState, Seen, VerifiedPower

SOON = Deadline.after(60)


class Switch:
    """A supply that reads back what it is told to, whatever is switched."""

    def __init__(self, *reads: PowerState, reads_back: bool = True) -> None:
        self._reads = list(reads)
        self.reads_back = reads_back
        self.at_once = PowerState.UNKNOWN
        self.switched: list[str] = []

    def on(self, *, deadline: Deadline) -> Acted:
        self.switched.append("on")
        return Acted(11, self.at_once)

    def off(self, *, deadline: Deadline) -> Acted:
        self.switched.append("off")
        return Acted(22, self.at_once)

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
    assert (power.on(deadline=SOON).at_ns, power.off(deadline=SOON).at_ns) == (11, 22)
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


class Eye:
    """A witness that sees what it is told to, and keeps what it was asked."""

    def __init__(self, state: PowerState, words: str = "the meter reads 3.1 W") -> None:
        self.seen = Seen(state, words)
        self.asked: list[tuple[PowerState, int]] = []

    def look(self, wanted: PowerState, since_ns: int, *, deadline: Deadline) -> Seen:
        self.asked.append((wanted, since_ns))
        return self.seen


def test_a_witness_is_asked_after_the_switch_and_its_words_are_the_proof() -> None:
    eye = Eye(PowerState.ON)
    switched = VerifiedPower(Switch(PowerState.ON), "n1", [eye]).on(deadline=SOON)
    assert (switched.proof, eye.asked) == ("reads back on; the meter reads 3.1 W", [(PowerState.ON, 11)])


def test_a_contact_that_has_welded_is_the_benchs_fault_whatever_the_relay_says() -> None:
    power = VerifiedPower(Switch(PowerState.OFF), "n1", [Eye(PowerState.ON, "the meter reads 3.1 W")])
    with pytest.raises(
        NotSwitched, match=r"n1: power was switched off and reads back off, but the meter reads 3\.1 W"
    ):
        power.off(deadline=SOON)


def test_power_that_does_not_flow_is_no_fault_of_the_image() -> None:
    power = VerifiedPower(Switch(PowerState.ON), "n1", [Eye(PowerState.OFF, "the meter reads 0.0 W")])
    with pytest.raises(NotSwitched, match=r"n1: power was switched on and reads back on, but the meter reads 0\.0 W"):
        power.on(deadline=SOON)


def test_a_witness_that_cannot_tell_proves_nothing() -> None:
    eye = Eye(PowerState.UNKNOWN, "the console is silent either way")
    assert VerifiedPower(Switch(PowerState.OFF), "n1", [eye]).off(deadline=SOON).proof == "reads back off"


def test_a_port_that_cannot_be_read_back_is_called_unverified_unless_a_witness_saw_it() -> None:
    port = Switch(PowerState.UNKNOWN, PowerState.UNKNOWN, reads_back=False)
    assert VerifiedPower(port, "n1").on(deadline=SOON).proof == "unverified: this power port cannot be read back"
    assert VerifiedPower(port, "n1", [Eye(PowerState.ON)]).on(deadline=SOON).proof == "the meter reads 3.1 W"


def test_a_port_that_cannot_be_read_back_and_yet_reads_the_contrary_is_not_believed() -> None:
    with pytest.raises(NotSwitched, match="reads back on"):
        VerifiedPower(Switch(PowerState.ON, reads_back=False), "n1").off(deadline=SOON)


def test_what_was_read_back_in_the_act_is_not_asked_for_again_and_believed_no_less_strictly() -> None:
    port = Switch()
    port.at_once = PowerState.ON
    assert VerifiedPower(port, "n1").on(deadline=SOON).proof == "reads back on"
    with pytest.raises(NotSwitched, match="power was switched off and reads back on"):
        VerifiedPower(port, "n1").off(deadline=SOON)
