"""Drivers against the bench twin's devices, each written from the documents alone: each fault is told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.keepers import own_keeper

from hil.clock import Deadline
from hil.config.devices import resolved
from hil.config.rig import load_rig
from hil.errors import InfrastructureError
from hil.power import exchange
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
nodes:
  one: {{kind: board, image: probe, mac: 02:00:5e:10:00:01, power: first}}
  two: {{kind: board, image: probe, mac: 02:00:5e:10:00:02, power: second}}
"""
KINDS = {
    "lcus": ("kind: lcus, device: twin:relay, channel: 1", "kind: lcus, device: twin:relay, channel: 2"),
    "modbus-rtu": (
        "kind: modbus-rtu, device: twin:relay, channel: 0",
        "kind: modbus-rtu, device: twin:relay, channel: 1",
    ),
    "modbus-tcp": ("kind: modbus-tcp, at: twin:relay, channel: 0", "kind: modbus-tcp, at: twin:relay, channel: 1"),
}


@dataclass
class Bench:
    """Two ports of one device of the twin, and what the device's contacts really do."""

    first: PowerPort
    second: PowerPort
    twin: TwinControl

    def conducts(self) -> list[bool]:
        """Both contacts, as the twin has them."""
        outlets = self.twin.state()["devices"]["relay"]["outlets"]
        return [outlets[channel]["conducts"] for channel in sorted(outlets)][:2]


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(exchange, "ANSWER_WITHIN", 0.2)
    first, second = KINDS[request.param]
    (tmp_path / "rig.yaml").write_text(RIG.format(first=first, second=second))
    rig = load_rig("./rig.yaml", cwd=tmp_path)
    with own_keeper(monkeypatch) as keeper:
        directory = keeper.directory / "twin"
        directory.mkdir(mode=0o700)
        twin = start(keeper, plan_of(rig, directory, {}))
        ports = [make_port(resolved(rig.power[name], twin.devices)) for name in ("first", "second")]
        yield Bench(*ports, twin.control)


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
        bench.twin.fault("relay", fault)
        try:
            bench.first.switch(False, deadline=soon())
            return bench.first.read(deadline=soon())
        except InfrastructureError as error:
            return error
        finally:
            bench.twin.mend("relay")

    assert isinstance(under("silent"), PortSilent)
    assert isinstance(under("checksum"), PortGarbled)
    assert isinstance(under("dropped-reply"), PortSilent)
    assert bench.conducts()[0] is False
    assert under("lying") is not PowerState.OFF
    assert under("wrong-channel") is not PowerState.OFF
    bench.first.switch(True, deadline=soon())
    bench.twin.fault("relay", "welded")
    bench.first.switch(False, deadline=soon())
    # A contact that has welded is nothing that its own board could see.
    assert bench.first.read(deadline=soon()) is PowerState.OFF
    assert bench.conducts()[0] is True
