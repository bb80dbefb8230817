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
from hil.power import http_device
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
  first: {{{place}, channel: {first}}}
  second: {{{place}, channel: {second}}}
meters:
  plug: {{{place}, channel: {first}}}
nodes:
  one: {{kind: board, image: probe, mac: 02:00:5e:10:00:01, power: first, meter: plug}}
  two: {{kind: board, image: probe, mac: 02:00:5e:10:00:02, power: second}}
"""
KINDS = {"shelly2": 0}
"""The kinds, and from which number each counts its channels."""
PASSWORD = "circle of life"


@dataclass
class Bench:
    """Two ports and a meter of one device of the twin, and what the device's contacts really do."""

    first: PowerPort
    second: PowerPort
    meter: Meter
    twin: TwinControl

    def conducts(self) -> list[bool]:
        """Both contacts, as the twin has them."""
        outlets = self.twin.state()["devices"]["plug"]["outlets"]
        return [outlets[channel]["conducts"] for channel in sorted(outlets)][:2]


@pytest.fixture(params=[(kind, password) for kind in KINDS for password in ("", PASSWORD)], ids=" ".join)
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(http_device, "ANSWER_WITHIN", 0.5)
    kind, password = request.param
    monkeypatch.setenv("PLUG_PASSWORD", password or "none")
    place = f"kind: {kind}, at: twin:plug" + (", password: !env PLUG_PASSWORD" if password else "")
    text = RIG.format(place=place, first=KINDS[kind], second=KINDS[kind] + 1)
    (tmp_path / "rig.yaml").write_text(text)
    rig = load_rig("./rig.yaml", cwd=tmp_path)
    with own_keeper(monkeypatch) as keeper:
        directory = keeper.directory / "twin"
        directory.mkdir(mode=0o700)
        twin = start(keeper, plan_of(rig, directory, {}))
        ports = [make_port(resolved(rig.power[name], twin.devices)) for name in ("first", "second")]
        yield Bench(*ports, make_meter(resolved(rig.meters["plug"], twin.devices)), twin.control)


def soon() -> Deadline:
    return Deadline.after(10.0)


def test_each_port_moves_its_own_contact(bench: Bench) -> None:
    bench.first.switch(True, deadline=soon())
    assert bench.conducts() == [True, False]
    bench.second.switch(True, deadline=soon())
    bench.first.switch(False, deadline=soon())
    assert bench.conducts() == [False, True]
    assert bench.first.read(deadline=soon()) is PowerState.OFF
    assert bench.second.read(deadline=soon()) is PowerState.ON


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
    # A contact that has welded is nothing that its own device could see; its meter can.
    assert bench.first.read(deadline=soon()) is PowerState.OFF
    assert bench.conducts()[0] is True
    assert watts(bench, drawn=True) > 0


def test_the_meter_sees_what_the_board_draws(bench: Bench) -> None:
    assert watts(bench, drawn=False) == 0
    bench.first.switch(True, deadline=soon())
    drawn = watts(bench, drawn=True)
    assert drawn == pytest.approx(bench.twin.state()["boards"]["one"]["watts"], rel=0.8)
    bench.second.switch(True, deadline=soon())
    bench.first.switch(False, deadline=soon())
    assert watts(bench, drawn=False) == 0


def watts(bench: Bench, *, drawn: bool) -> float:
    """What the meter says, W, once that is something or nothing: a plug has a new value every second or so."""
    until = soon()
    while True:
        reading = bench.meter.read(deadline=until)
        assert reading.watts is not None
        if (reading.watts > 0) is drawn or until.expired:
            return reading.watts
        hold(0.05)
