"""Network drivers against the bench twin's devices, each written from the documents alone: faults are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.twin_ports import Bench, bench_of, check_faults_told_apart, check_own_contacts, soon

from hil.clock import hold
from hil.power import http_device, poe, poe_snmp
from hil.power.meter import Meter

pytestmark = pytest.mark.boot

KINDS = {
    "shelly1": ("kind: shelly1, at: twin:device, channel: %d", 0),
    "shelly1 password": ("kind: shelly1, at: twin:device, channel: %d, password: !env PLUG_PASSWORD", 0),
    "shelly2": ("kind: shelly2, at: twin:device, channel: %d", 0),
    "shelly2 password": ("kind: shelly2, at: twin:device, channel: %d, password: !env PLUG_PASSWORD", 0),
    "tasmota": ("kind: tasmota, at: twin:device, channel: %d", 1),
    "tasmota password": ("kind: tasmota, at: twin:device, channel: %d, password: !env PLUG_PASSWORD", 1),
    "turingpi2": ("kind: turingpi2, at: twin:device, channel: %d", 1),
    "turingpi2 password": ("kind: turingpi2, at: twin:device, channel: %d, password: !env PLUG_PASSWORD", 1),
    "poe": ("kind: poe, at: twin:device, port: %d, community: !env PLUG_PASSWORD", 1),
}
"""A section, and from which number it counts its channels."""
WITHOUT_PASSWORD = [kind for kind in KINDS if "password" not in kind]
METERLESS = ("poe", "turingpi2")
HURRIED = (
    (http_device, "ANSWER_WITHIN", 0.5),
    (poe_snmp, "ANSWER_WITHIN", 0.5),
    (poe, "SETTLES_WITHIN", 2.0),
)


@pytest.fixture
def bench(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("PLUG_PASSWORD", "circle of life")
    has_meter = not kind.startswith(METERLESS)
    with bench_of(*KINDS[kind], tmp_path, monkeypatch, meter=has_meter, hurried=HURRIED) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_each_port_moves_its_own_contact(bench: Bench) -> None:
    check_own_contacts(bench)


@pytest.mark.parametrize("kind", WITHOUT_PASSWORD)
def test_each_fault_is_told_apart(bench: Bench) -> None:
    check_faults_told_apart(bench)
    assert bench.meter is None or watts(bench.meter, drawn=True) > 0


@pytest.mark.parametrize("kind", [kind for kind in WITHOUT_PASSWORD if kind not in METERLESS])
def test_the_meter_sees_what_the_board_draws(bench: Bench) -> None:
    assert bench.meter is not None
    assert watts(bench.meter, drawn=False) == 0
    bench.first.switch(True, deadline=soon())
    until = soon()
    while (drawn := watts(bench.meter, drawn=True)) != (board := about(bench)) and not until.expired:
        hold(0.05)  # what it saw while the board's capacitors filled is of that moment alone, and shown for a second
    assert drawn == board
    bench.second.switch(True, deadline=soon())
    bench.first.switch(False, deadline=soon())
    assert watts(bench.meter, drawn=False) == 0


def about(bench: Bench) -> object:
    """What the board draws now, behind a supply that takes some for itself."""
    return pytest.approx(bench.twin.state()["boards"]["one"]["watts"], rel=0.8)


def watts(meter: Meter, *, drawn: bool) -> float:
    """What it says, W, once that is something or nothing: a plug has a new value every second or so."""
    until = soon()
    while True:
        reading = meter.read(deadline=until)
        assert reading.watts is not None
        if (reading.watts > 0) is drawn or until.expired:
            return reading.watts
        hold(0.05)
