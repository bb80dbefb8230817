"""Energy from a plug of the bench twin: what its board really draws, a gap where the plug is silent, and a mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.keepers import own_keeper

from hil.clock import Deadline, hold, now_ns
from hil.config.devices import resolved
from hil.config.rig import load_rig
from hil.kinds import make_meter
from hil.power.opening import make_port
from hil.power.port import PowerPort
from hil.power.sampler import Sampler
from hil.power.samples import FILE
from hil.report import power
from hil.report.power import Metered, PowerRecord
from hil.sim.client import TwinControl
from hil.sim.from_rig import plan_of
from hil.sim.plan import Script
from hil.sim.starting import start

pytestmark = pytest.mark.boot

RIG = """\
hil: 1
segment: {kind: bridge, nic: twin:lan}
images: {probe: {kind: probe}}
power: {relay: {kind: lcus, device: twin:relay, channel: 1}}
meters: {plug: {kind: shelly2, at: twin:plug, channel: 0, every: 50ms}}
nodes: {one: {kind: board, image: probe, mac: 02:00:5e:10:00:01, power: relay, meter: plug}}
"""


@dataclass
class Bench:
    """A board's relay and its plug, sampled."""

    relay: PowerPort
    sampler: Sampler
    twin: TwinControl
    file: Path

    def switch(self, on: bool) -> int:
        """When it was done: on a host that stalls, long after it was asked for."""
        self.relay.switch(on, deadline=Deadline.after(10.0))
        return now_ns()

    def record(self, start_ns: int) -> PowerRecord:
        """Of the time until now."""
        return Metered(self.sampler, "twin:plug", simulated=True).record(start_ns, now_ns(), ready=True)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    (tmp_path / "rig.yaml").write_text(RIG)
    rig = load_rig("./rig.yaml", cwd=tmp_path)
    with own_keeper(monkeypatch) as keeper:
        directory = keeper.directory / "twin"
        directory.mkdir(mode=0o700)
        twin = start(keeper, plan_of(rig, directory, {"one": Script()}))
        meter = make_meter(resolved(rig.meters["plug"], twin.devices))
        sampler = Sampler(meter, rig.meters["plug"].every, tmp_path / FILE, simulated=True)
        sampler.begin()
        try:
            yield Bench(make_port(resolved(rig.power["relay"], twin.devices)), sampler, twin.control, tmp_path / FILE)
        finally:
            sampler.end()
            meter.close()


def test_what_the_board_drew_is_within_the_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its load is steady from its start on; the plug sees that up to a second late, and steps of its own."""
    # Looks that a host which stalls makes late are no gap here.
    for patience in ("_GRACE", "_CLOSING"):
        monkeypatch.setattr(power, patience, 20.0)
    began = bench.switch(True)
    hold(2.5)
    record = bench.record(began)
    steady = bench.sampler.latest()
    assert steady is not None
    assert steady.watts is not None
    assert record.joules is not None
    assert record.error_joules is not None
    true_joules = steady.watts * record.seconds
    assert abs(record.joules - true_joules) <= record.error_joules + 0.1 * true_joules
    assert record.gap_seconds == 0
    assert record.words().endswith("(simulated; twin:plug every 0.05 s)")


def test_a_plug_that_is_silent_leaves_a_gap(bench: Bench) -> None:
    began = bench.switch(True)
    assert bench.sampler.wait_after(began, Deadline.after(5.0)) is not None
    bench.twin.fault("plug", "silent")
    hold(1.0)
    bench.twin.mend("plug")
    assert bench.sampler.wait_after(now_ns(), Deadline.after(15.0)) is not None
    record = bench.record(began)
    assert record.gap_seconds > 0.5
    assert record.note.startswith("looks without a reading: ")
    lines = bench.file.read_text().splitlines()[1:]
    assert {line.rpartition(",")[2] for line in lines} == {"simulated"}
