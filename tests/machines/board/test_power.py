"""When a board's supply was switched: when its device was told to, and not when a port that waits first was asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from support.port_config import PortConfig

from hil.clock import Deadline, now_ns
from hil.keeper.client import Keeper
from hil.machine import Identity
from hil.machines.board.board import BoardPower
from hil.machines.place import Cable, Place, Session
from hil.power.interlock import Interlocked
from hil.power.port import PowerPort, PowerState

UNHURRIED = Deadline.after(float("inf"))


class Relay:
    """Reads back what it was told, and keeps when."""

    name = "a relay"
    reads_back = True

    def __init__(self) -> None:
        self.state = PowerState.OFF
        self.at_ns = 0

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        self.at_ns = now_ns()
        self.state = PowerState.of(on)
        return self.state

    def read(self, *, deadline: Deadline) -> PowerState:
        return self.state

    def close(self) -> None:
        """Nothing is open."""


def board(port: PowerPort, folder: Path, record: Callable[[Path], None] = lambda folder: None) -> BoardPower:
    place = Place("n1", cast("Keeper", None), folder, cast("Cable", None), Identity("", "", ""), Session(folder))
    return BoardPower(port, place, record)


@pytest.mark.parametrize("waits", [False, True])
def test_a_boot_begins_when_the_device_is_told_and_not_before_the_wait(tmp_path: Path, waits: bool) -> None:
    relay, waited = Relay(), list[int]()
    config = PortConfig(kind="fake", off_at_least=2.0)
    port = Interlocked(
        relay,
        config,
        tmp_path / "relay.history",
        clock=lambda: 1_700_000_000.0,
        wait=lambda seconds: waited.append(now_ns()),
    )
    power = board(port if waits else relay, tmp_path)
    off = power.off(deadline=UNHURRIED)
    assert off.at_ns <= relay.at_ns
    before = now_ns()
    on = power.on(deadline=UNHURRIED)
    assert on.state is PowerState.ON
    assert len(waited) == waits
    assert max([before, *waited]) <= on.at_ns <= relay.at_ns


def test_the_recordings_of_a_boot_begin_before_its_power(tmp_path: Path) -> None:
    relay, states = Relay(), list[tuple[Path, PowerState]]()
    power = board(relay, tmp_path, lambda folder: states.append((folder, relay.state)))
    power.on(deadline=UNHURRIED)
    assert states == [(tmp_path, PowerState.OFF)]
    assert power.state() is PowerState.ON
