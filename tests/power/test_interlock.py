"""What keeps a port from being on again too soon or too often, over processes, users and clocks that are put back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.port_config import PortConfig

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.power.interlock import History, Interlocked, parse_history
from hil.power.port import PortSilent, PowerState

UNHURRIED = Deadline.after(float("inf"))


class FakePort:
    """A relay that is believed; `broken` ones are silent after they have done it."""

    name = "a relay"
    reads_back = True

    def __init__(self) -> None:
        self.on = False
        self.broken = False

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        self.on = on
        if self.broken:
            raise PortSilent("a relay: no answer", hint="mend it")
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        return PowerState.ON if self.on else PowerState.OFF

    def close(self) -> None:
        """Nothing is open."""


class Host:
    """A wall clock that can be put, and what opens a port anew, as another process would."""

    def __init__(self, folder: Path, cycles_per_hour: int = 60) -> None:
        self.now = 1_700_000_000.0
        self.waited = 0.0
        self.port = FakePort()
        self._history = folder / "relay.history"
        self._config = PortConfig(kind="fake", off_at_least=2.0, cycles_per_hour=cycles_per_hour)

    def wait(self, seconds: float) -> None:
        self.waited += seconds
        self.now += seconds

    def switch(self, on: bool, deadline: Deadline = UNHURRIED) -> None:
        port = Interlocked(self.port, self._config, self._history, clock=lambda: self.now, wait=self.wait)
        port.switch(on, deadline=deadline)


def test_it_stays_off_for_the_seconds_that_it_must_whoever_switched_it_off(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.switch(True)
    assert host.waited == 0, "nothing is known of a port that nobody has switched"
    host.switch(False)
    host.now += 0.5
    host.switch(False)
    host.switch(True)
    assert host.waited == pytest.approx(1.5), "to say off again does not begin the time anew"


def test_a_deadline_that_is_shorter_than_that_is_said_and_nothing_is_switched(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.switch(False)
    with pytest.raises(InfrastructureError, match=r"must be off for 2\.0 s more"):
        host.switch(True, Deadline.after(0))
    assert not host.port.on


def test_off_that_nobody_acknowledged_counts_from_the_next_one(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.port.broken = True
    with pytest.raises(PortSilent):
        host.switch(False)
    host.port.broken = False
    host.now += 10
    host.switch(False)
    host.switch(True)
    assert host.waited == pytest.approx(2.0)


def test_it_is_switched_on_so_often_in_an_hour_and_then_told_when_again(tmp_path: Path) -> None:
    host = Host(tmp_path, cycles_per_hour=2)
    for _ in range(2):
        host.switch(False)
        host.switch(True)
        host.switch(True)
    host.switch(False)
    with pytest.raises(InfrastructureError, match=r"switched on 2 times in an hour.* in 359\d s"):
        host.switch(True)
    assert not host.port.on
    host.now += 3600
    host.switch(True)
    assert host.port.on


def test_a_lost_reply_does_not_make_a_cycle_uncounted(tmp_path: Path) -> None:
    host = Host(tmp_path, cycles_per_hour=1)
    host.port.broken = True
    with pytest.raises(PortSilent):
        host.switch(True)
    host.port.broken = False
    host.switch(True)
    host.switch(False)
    with pytest.raises(InfrastructureError, match="switched on 1 times"):
        host.switch(True)


def test_a_clock_that_was_put_back_locks_nothing_for_longer_than_it_must_be_off(tmp_path: Path) -> None:
    host = Host(tmp_path, cycles_per_hour=1)
    host.switch(True)
    host.switch(False)
    host.now -= 86400
    host.switch(True)
    assert host.waited == pytest.approx(2.0)


def test_a_file_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("all that I have")
    (tmp_path / "relay.history").symlink_to(tmp_path / "precious")
    with pytest.raises(InfrastructureError, match=r"cannot be kept in .*relay\.history"):
        Host(tmp_path).switch(False)
    assert (tmp_path / "precious").read_text() == "all that I have"


@settings(max_examples=unless_quick(40), deadline=None)
@given(
    st.binary(max_size=60)
    | st.fixed_dictionaries(
        {
            "on": st.none() | st.booleans() | st.integers(),
            "off_at": st.floats() | st.none(),
            "sure": st.booleans(),
            "ons": st.lists(st.floats() | st.text(max_size=2), max_size=4),
        }
    ).map(lambda document: json.dumps(document).encode()),
    st.floats(0, 1e10),
)
def test_whatever_is_in_the_file_the_wait_is_bounded(data: bytes, now: float) -> None:
    history = parse_history(data)
    assert isinstance(history, History)
    assert 0 <= history.off_for_more(now, 2.0) <= 2.0
    allowed = history.allowed_at(now, 1)
    assert allowed is None or now < allowed <= now + 3600
