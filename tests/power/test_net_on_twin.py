"""Network drivers against the bench twin's devices, each written from the documents alone: faults are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.keepers import own_keeper

from hil.clock import Deadline, hold
from hil.config.devices import resolved
from hil.config.rig import load_rig
from hil.errors import InfrastructureError
from hil.kinds import make_meter
from hil.power import http_device, poe, poe_snmp
from hil.power.meter import Meter
from hil.power.opening import make_port
from hil.power.port import PortGarbled, PortSilent, PowerPort, PowerState
from hil.sim.client import TwinControl
from hil.sim.from_rig import plan_of
from hil.sim.starting import start

pytestmark = pytest.mark.boot

RIG = """\
hil: 1
segment: {{kind: bridge, nic: twin:lan}}
images: {{probe: {{kind: probe}}}}
power:
  first: {{{first}}}
  second: {{{second}}}
meters: {{{meters}}}
nodes:
  one: {{kind: board, image: probe, mac: 02:00:5e:10:00:01, power: first}}
  two: {{kind: board, image: probe, mac: 02:00:5e:10:00:02, power: second}}
"""
PASSWORD = "password: !env PLUG_PASSWORD"
KINDS = {
    "shelly1": ("kind: shelly1, at: twin:plug, channel: %d", 0, ""),
    "shelly1 password": ("kind: shelly1, at: twin:plug, channel: %d", 0, PASSWORD),
    "shelly2": ("kind: shelly2, at: twin:plug, channel: %d", 0, ""),
    "shelly2 password": ("kind: shelly2, at: twin:plug, channel: %d", 0, PASSWORD),
    "tasmota": ("kind: tasmota, at: twin:plug, channel: %d", 1, ""),
    "tasmota password": ("kind: tasmota, at: twin:plug, channel: %d", 1, PASSWORD),
    "poe": ("kind: poe, at: twin:plug, port: %d", 1, "community: !env PLUG_PASSWORD"),
}
"""A section, from which number it counts its channels, and its password."""
WITHOUT_PASSWORD = [kind for kind in KINDS if "password" not in kind]


@dataclass
class Bench:
    """Two ports and a meter of one device of the twin, and what the device's contacts really do."""

    first: PowerPort
    second: PowerPort
    meter: Meter | None
    twin: TwinControl

    def conducts(self) -> list[bool]:
        """Both contacts, as the twin has them."""
        outlets = self.twin.state()["devices"]["plug"]["outlets"]
        return [outlets[channel]["conducts"] for channel in sorted(outlets)][:2]


@pytest.fixture
def bench(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for module in (http_device, poe_snmp):
        monkeypatch.setattr(module, "ANSWER_WITHIN", 0.5)
    monkeypatch.setattr(poe, "SETTLES_WITHIN", 2.0)
    monkeypatch.setenv("PLUG_PASSWORD", "circle of life")
    section, number, password = KINDS[kind]
    first, second = (", ".join(filter(None, (section % (number + more), password))) for more in (0, 1))
    meters = "" if kind == "poe" else f"plug: {{{first}}}"
    text = RIG.format(first=first, second=second, meters=meters)
    if meters:
        text = text.replace("power: first", "power: first, meter: plug")
    (tmp_path / "rig.yaml").write_text(text)
    rig = load_rig("./rig.yaml", cwd=tmp_path)
    with own_keeper(monkeypatch) as keeper:
        directory = keeper.directory / "twin"
        directory.mkdir(mode=0o700)
        twin = start(keeper, plan_of(rig, directory, {}))
        ports = [make_port(resolved(rig.power[name], twin.devices)) for name in ("first", "second")]
        meter = make_meter(resolved(rig.meters["plug"], twin.devices)) if meters else None
        yield Bench(*ports, meter, twin.control)


def soon() -> Deadline:
    return Deadline.after(10.0)


@pytest.mark.parametrize("kind", KINDS)
def test_each_port_moves_its_own_contact(bench: Bench) -> None:
    bench.first.switch(True, deadline=soon())
    assert bench.conducts() == [True, False]
    bench.second.switch(True, deadline=soon())
    bench.first.switch(False, deadline=soon())
    assert bench.conducts() == [False, True]
    assert bench.first.read(deadline=soon()) is PowerState.OFF
    assert bench.second.read(deadline=soon()) is PowerState.ON


@pytest.mark.parametrize("kind", WITHOUT_PASSWORD)
def test_each_fault_is_told_apart(bench: Bench) -> None:
    def under(fault: str) -> InfrastructureError | PowerState:
        """What comes of switching the first port off under a fault: an error, or what it then reads back."""
        bench.first.switch(True, deadline=soon())
        bench.twin.fault("plug", fault)
        try:
            bench.first.switch(False, deadline=soon())
            return bench.first.read(deadline=soon())
        except InfrastructureError as error:
            return error
        finally:
            bench.twin.mend("plug")

    assert isinstance(under("silent"), PortSilent)
    assert isinstance(under("checksum"), PortGarbled)
    assert isinstance(under("dropped-reply"), PortSilent)
    assert under("lying") is not PowerState.OFF
    assert under("wrong-channel") is not PowerState.OFF
    bench.first.switch(True, deadline=soon())
    bench.twin.fault("plug", "welded")
    bench.first.switch(False, deadline=soon())
    # A contact that has welded is nothing that its own device could see; a meter can.
    assert bench.first.read(deadline=soon()) is PowerState.OFF
    assert bench.conducts()[0] is True
    assert bench.meter is None or watts(bench.meter, drawn=True) > 0


@pytest.mark.parametrize("kind", [kind for kind in WITHOUT_PASSWORD if kind != "poe"])
def test_the_meter_sees_what_the_board_draws(bench: Bench) -> None:
    assert bench.meter is not None
    assert watts(bench.meter, drawn=False) == 0
    bench.first.switch(True, deadline=soon())
    drawn = watts(bench.meter, drawn=True)
    assert drawn == pytest.approx(bench.twin.state()["boards"]["one"]["watts"], rel=0.8)
    bench.second.switch(True, deadline=soon())
    bench.first.switch(False, deadline=soon())
    assert watts(bench.meter, drawn=False) == 0


def watts(meter: Meter, *, drawn: bool) -> float:
    """What it says, W, once that is something or nothing: a plug has a new value every second or so."""
    until = soon()
    while True:
        reading = meter.read(deadline=until)
        assert reading.watts is not None
        if (reading.watts > 0) is drawn or until.expired:
            return reading.watts
        hold(0.05)
