"""Two power ports of one device of the bench twin, each driver and its device written from the documents alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from support.keepers import own_keeper

from hil.clock import Deadline
from hil.config.devices import resolved
from hil.config.rig import load_rig
from hil.errors import InfrastructureError
from hil.kinds import make_meter
from hil.power.meter import Meter
from hil.power.opening import make_port
from hil.power.port import PortGarbled, PortSilent, PowerPort, PowerState
from hil.sim.client import TwinControl
from hil.sim.from_rig import plan_of
from hil.sim.starting import start

RIG = """\
hil: 1
segment: {{kind: bridge, nic: twin:lan}}
images: {{probe: {{kind: probe}}}}
power:
  first: {{{first}}}
  second: {{{second}}}
meters: {{{meters}}}
nodes:
  one: {{kind: board, image: probe, mac: 02:00:5e:10:00:01, power: first{meter}}}
  two: {{kind: board, image: probe, mac: 02:00:5e:10:00:02, power: second}}
"""
ANSWERED = ("checksum",)
"""Faults of which a driver is told by an answer, which has to come in time."""


@dataclass
class Bench:
    """Two ports of one device of the twin, its meter if it has one, and what its contacts really do."""

    first: PowerPort
    second: PowerPort
    meter: Meter | None
    twin: TwinControl
    hurried: Sequence[tuple[ModuleType, str, float]]

    def conducts(self) -> list[bool]:
        """Both contacts, as the twin has them."""
        outlets = self.twin.state()["devices"]["device"]["outlets"]
        return [outlets[channel]["conducts"] for channel in sorted(outlets)][:2]

    def under(self, fault: str) -> InfrastructureError | PowerState:
        """What comes of switching the first port off under a fault: an error, or what it then reads back.

        Patience is cut short where no good answer comes, and there alone: a host may stall while one is on its way.
        """
        self.first.switch(True, deadline=soon())
        self.twin.fault("device", fault)
        with pytest.MonkeyPatch.context() as patience:
            for module, name, seconds in self.hurried if fault not in ANSWERED else ():
                patience.setattr(module, name, seconds)
            try:
                self.first.switch(False, deadline=soon())
                return self.first.read(deadline=soon())
            except InfrastructureError as error:
                return error
            finally:
                self.twin.mend("device")


@contextmanager
def bench_of(
    section: str,
    number: int,
    where: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    meter: bool,
    hurried: Sequence[tuple[ModuleType, str, float]],
) -> Iterator[Bench]:
    """A rig's two ports on the twin.

    Args:
        section: a port's, with %d for its channel, of the device `twin:device`.
        number: its first channel.
        where: an empty folder for the rig file.
        monkeypatch: of the test.
        meter: whether the same section is one of a meter.
        hurried: how long a driver waits, a module's name for it and seconds, where no good answer comes.
    """
    first, second = section % number, section % (number + 1)
    more = {"meters": f"meter: {{{first}}}", "meter": ", meter: meter"} if meter else {"meters": "", "meter": ""}
    (where / "rig.yaml").write_text(RIG.format(first=first, second=second, **more))
    rig = load_rig("./rig.yaml", cwd=where)
    with own_keeper(monkeypatch) as keeper:
        directory = keeper.directory / "twin"
        directory.mkdir(mode=0o700)
        twin = start(keeper, plan_of(rig, directory, {}))
        ports = [make_port(resolved(rig.power[name], twin.devices)) for name in ("first", "second")]
        found = make_meter(resolved(rig.meters["meter"], twin.devices)) if meter else None
        yield Bench(*ports, found, twin.control, hurried)


def soon() -> Deadline:
    """More than a port needs."""
    return Deadline.after(10.0)


def check_own_contacts(bench: Bench) -> None:
    """Each port moves its own contact, and reads it back."""
    bench.first.switch(True, deadline=soon())
    assert bench.conducts() == [True, False]
    bench.second.switch(True, deadline=soon())
    bench.first.switch(False, deadline=soon())
    assert bench.conducts() == [False, True]
    assert bench.first.read(deadline=soon()) is PowerState.OFF
    assert bench.second.read(deadline=soon()) is PowerState.ON


def check_faults_told_apart(bench: Bench) -> None:
    """Each fault shows as what it is. The first port's contact has welded at the end."""
    assert isinstance(bench.under("silent"), PortSilent)
    assert isinstance(bench.under("checksum"), PortGarbled)
    assert isinstance(bench.under("dropped-reply"), PortSilent)
    # It was done; only its answer was lost.
    assert bench.conducts()[0] is False
    assert bench.under("lying") is not PowerState.OFF
    assert bench.under("wrong-channel") is not PowerState.OFF
    bench.first.switch(True, deadline=soon())
    bench.twin.fault("device", "welded")
    bench.first.switch(False, deadline=soon())
    # A contact that has welded is nothing that its own device could see; a meter can.
    assert bench.first.read(deadline=soon()) is PowerState.OFF
    assert bench.conducts()[0] is True
