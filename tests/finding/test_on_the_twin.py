"""The whole search over a relay board, serial lines and scripted boards of the bench twin: a driver's real bytes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from support.keepers import own_keeper
from support.rigs import Hil

from hil.clock import Deadline
from hil.config.serial import ConsoleConfig
from hil.errors import InfrastructureError
from hil.finding.cycle import Pace
from hil.finding.ears import Line
from hil.finding.given import console_given
from hil.finding.matching import Findings
from hil.finding.search import Voice, Wanted, find
from hil.keeper.client import Keeper
from hil.locks import Busy, Lock
from hil.power.lcus import Config
from hil.power.opening import make_port
from hil.sim.plan import BoardPlan, DevicePlan, Plan, Script
from hil.sim.starting import RunningTwin, start
from hil.taking import lock_folder

pytestmark = pytest.mark.boot

OFF_AT_LEAST = 0.4  # a busy board's capacitors are empty after 0.13 s (hil.sim.character)


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with own_keeper(monkeypatch) as started:
        yield started


def board(name: str, *channels: int, script: str = "linux") -> BoardPlan:
    """A board on `channels` of the relay board, its console "NAME's"."""
    feeds = tuple(("relay", channel) for channel in channels)
    return BoardPlan(name, feeds=feeds, console=f"uart-{name}", actor=Script(script))


def started(keeper: Keeper, channels: int, *boards: BoardPlan, console: str = "uart") -> RunningTwin:
    directory = keeper.directory / "twin"
    directory.mkdir(mode=0o700)
    relay = DevicePlan("relay", "lcus", {"channels": channels})
    lines = tuple(DevicePlan(one.console, console) for one in boards if one.console)
    return start(keeper, Plan(1, directory, (relay, *lines), boards))


class Person:
    """Says yes to every question, or what `answers` says to the relay in it; keeps what it was asked and told."""

    def __init__(self, **answers: bool) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.told: list[str] = []

    def ask(self, question: str) -> bool:
        self.asked.append(question)
        return self.answers.get(question.split()[0], True)

    def search(self, twin: RunningTwin, channels: int, *, within: float, quiet: float = 0.1) -> Findings:
        """Find, with each of the twin's serial lines called by its board."""
        relays = {
            f"relay{channel}": Config.model_validate(
                {
                    "kind": "lcus",
                    "device": twin.devices["twin:relay"],
                    "channel": channel,
                    "off_at_least": OFF_AT_LEAST,
                    "cycles_per_hour": 3600,  # the twin's device files have been other tests' before
                }
            )
            for channel in range(1, channels + 1)
        }
        lines = [
            Line(name.removeprefix("twin:uart-"), console_given(place))
            for name, place in twin.devices.items()
            if name.startswith("twin:uart-")
        ]
        pace = Pace(before=0.1, quiet=quiet, within=within, linger=0.3)
        return find(Wanted(relays, lines), Voice(self.ask, self.told.append), pace)


def pairs(findings: Findings) -> dict[str, str]:
    return {pair.relay: pair.console for pair in findings.pairs}


def commanded(twin: RunningTwin) -> list[bool]:
    outlets = twin.control.state()["devices"]["relay"]["outlets"]
    assert isinstance(outlets, dict)
    return [outlet["commanded"] for outlet in outlets.values()]


def test_two_boards_the_other_way_round_are_found_and_each_relay_is_left_as_it_was(keeper: Keeper) -> None:
    twin = started(keeper, 2, board("a", 2), board("b", 1))
    left_on = Config.model_validate({"kind": "lcus", "device": twin.devices["twin:relay"], "channel": 2})
    make_port(left_on).switch(True, deadline=Deadline.after(5))
    person = Person()
    assert pairs(person.search(twin, 2, within=10)) == {"relay1": "b", "relay2": "a"}
    assert commanded(twin) == [False, True]
    assert "it is off now, and is left so" in person.asked[0]
    assert "it is on now, and is left so" in person.asked[1]
    assert person.told[0] == "listening to a, b"
    assert person.told[-1] == "relay2: a rebooted with it"


def test_three_relays_and_three_consoles_crossed_over_and_a_relay_without_a_board(keeper: Keeper) -> None:
    twin = started(keeper, 4, board("a", 3), board("b", 1, script="chatty"), board("c", 2))
    findings = Person().search(twin, 4, within=4)
    assert pairs(findings) == {"relay1": "b", "relay2": "c", "relay3": "a"}
    assert [sentence.split(":")[0] for sentence in findings.not_found] == ["relay4"]
    assert "no board hangs on it" in findings.not_found[0]


def test_a_welded_relay_a_silent_board_a_wrong_speed_and_a_shared_supply_are_said(keeper: Keeper) -> None:
    twin = started(
        keeper,
        4,
        board("welded", 1, script="chatty"),
        board("silent", 2, script="silent"),
        board("fast", 3),
        board("left", 4),
        board("right", 4),
    )
    twin.control.fault("relay", "welded", 1)
    twin.control.fault("uart-fast", "wrong-baud")
    findings = Person().search(twin, 4, within=3, quiet=0.5)

    assert findings.pairs == ()
    said = dict(sentence.split(": ", 1) for sentence in findings.not_found)
    assert "or its contact is welded" in said["relay1"]
    assert "or is silent" in said["relay2"]
    assert "fast said what is no text at this speed after the power came" in said["relay3"]
    assert "left and right rebooted with it" in said["relay4"]
    assert said["welded"].startswith("it talked all the time")
    assert said["silent"].startswith("it said nothing at all")
    assert said["fast"].startswith("what it says is no text at this speed")
    assert commanded(twin) == [False] * 4


def test_a_relay_that_nobody_agrees_to_is_not_switched(keeper: Keeper) -> None:
    twin = started(keeper, 1, board("a", 1))
    findings = Person(relay1=False).search(twin, 1, within=1)
    assert findings.not_found[0] == "relay1: not switched, as you said"
    assert twin.control.state()["boards"]["a"]["starts"] == 0


def test_a_relay_that_does_not_obey_does_not_end_the_search_also_on_a_serial_server(keeper: Keeper) -> None:
    twin = started(keeper, 2, board("a", 1), board("b", 2), console="rfc2217")
    twin.control.fault("relay", "silent", 1)
    findings = Person().search(twin, 2, within=4)
    assert pairs(findings) == {"relay2": "b"}
    assert "relay1: it could not be tried" in findings.not_found[0]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_who_is_ended_in_the_dark_leaves_the_relay_on_as_it_was(
    keeper: Keeper, how: signal.Signals, tmp_path: Path
) -> None:
    twin = started(keeper, 1, board("a", 1))
    place = twin.devices["twin:relay"]
    left_on = Config.model_validate({"kind": "lcus", "device": place, "channel": 1})
    make_port(left_on).switch(True, deadline=Deadline.after(5))
    arguments = ["rig", "find", "--power", f"lcus:{place}:1", "--console", twin.devices["twin:uart-a"], "--yes"]
    with Hil(arguments, tmp_path) as hil:
        hil.wait_for("relay1: off, listen", within=20)
        until(lambda: commanded(twin) == [False])
        hil.signal(how)
        until(lambda: commanded(twin) == [True])


def until(seen: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = Deadline.after(20)
    while not seen():
        assert not deadline.expired
        time.sleep(0.05)


def test_a_line_that_somebody_has_ends_it_before_a_relay_is_switched(keeper: Keeper) -> None:
    twin = started(keeper, 1, board("a", 1))
    place = twin.devices["twin:uart-a"]
    (thing,) = ConsoleConfig.model_validate({"device": place}).things()
    person = Person()
    lock = Lock(lock_folder() / thing.file_name, what="a bench", shared=True)
    with lock.held(Deadline.after(5)), pytest.raises(Busy, match=r"held by process .* \(a bench"):
        person.search(twin, 1, within=1)
    with serial.Serial(place, 115200, exclusive=True), pytest.raises(InfrastructureError, match="is held by"):
        person.search(twin, 1, within=1)
    assert person.asked == []


def test_a_line_that_is_merely_there_is_passed_over_and_without_any_there_is_nothing_to_hear(keeper: Keeper) -> None:
    twin = started(keeper, 1, board("a", 1))
    place = twin.devices["twin:uart-a"]
    relay = Config.model_validate({"kind": "lcus", "device": twin.devices["twin:relay"], "channel": 1})
    there = [Line(place, ConsoleConfig.model_validate({"device": place}))]
    person = Person()
    (thing,) = there[0].config.things()
    lock = Lock(lock_folder() / thing.file_name, what="a bench", shared=True)
    for held, why in (
        (serial.Serial(place, 115200, exclusive=True), "not listened to: the serial line"),
        (lock.held(Deadline.after(5)), f"not listened to: {thing.name} is held by process"),
    ):
        person.told.clear()
        with held, pytest.raises(InfrastructureError, match="no serial line to listen to"):
            find(Wanted({"relay1": relay}, (), there), Voice(person.ask, person.told.append), Pace())
        assert person.told[0].startswith(why)
