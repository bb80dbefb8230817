"""Whatever is done to a bench on a relay of the twin, and however it ends, its port is afterwards as its rig promised.

The relay is a process of its own that outlives every bench, as hardware does; a bench is a real client with a real
keeper. Hypothesis switches, boots, pulls the relay's plug, makes it faulty, and kills client or keeper by SIGKILL.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hil.clock import Deadline, hold
from hil.keeper.client import Keeper
from hil.keeper.runtime import is_alive, new_runtime_dir, sweep
from hil.power.leaving import settled
from hil.sim.client import TwinControl
from hil.sim.plan import BoardPlan, DevicePlan, Plan
from hil.sim.starting import start

RIG = """
hil: 1
segment: {{kind: bridge}}
images: {{probe: {{kind: probe}}}}
power:
  relay1: {{kind: lcus, device: {device}, channel: 1, off_at_least: 0s, cycles_per_hour: 3600, leave: {leave}}}
nodes:
  node1: {{kind: board, image: probe, mac: "02:00:5e:10:00:01", power: relay1}}
"""
CLIENT = """
import sys
from pathlib import Path
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.errors import HilError
from hil.keeper.client import Keeper
from hil.keeper.journal import Entry
from hil.power.opening import Owner, open_ports
from hil.power.promise import KIND
from hil.taking import holder_words, lock_folder, take_things
rig = load_rig(Path(sys.argv[1]), cwd=Path("/"))
def say(word):
    print(word, flush=True)
try:
    with Keeper.start(Path(sys.argv[2]), deadline=Deadline.after(60)) as keeper:
        take_things(rig, keeper)
        def at_end(name, data, argv, within):
            keeper.at_end(Entry(KIND, name, data), argv, within=within)
        owner = Owner(keeper.directory, at_end, lock_folder(), holder_words(rig, keeper))
        with open_ports(rig, rig.power, owner) as ports:
            say("open")
            for line in sys.stdin:
                try:
                    ports["relay1"].switch(line.strip() == "on", deadline=Deadline.after(4))
                    say("done")
                except HilError as error:
                    say("failed")
except HilError as error:
    say("refused")
"""

pytestmark = pytest.mark.boot


class Bench(RuleBasedStateMachine):
    """One relay and its rig, through the lives of several benches."""

    folder: ClassVar[Path]
    relay: ClassVar[Path]
    control: ClassVar[TwinControl]

    def __init__(self) -> None:
        super().__init__()
        self.client: subprocess.Popen[str] | None = None
        self.directory = Path()
        self.leave = "off"
        self.promised: bool | None = None
        """How the relay must be once the next bench was opened, or the present one ended well; None for no promise."""
        self.sound = True

    @initialize(leave=st.sampled_from(["off", "on", "as_found"]), found=st.booleans())
    def begin(self, leave: str, found: bool) -> None:
        self._write_rig("on" if found else "off")
        self._bench()
        self.end("in order")
        assert self.commanded is found
        self._write_rig(leave)

    @property
    def commanded(self) -> bool:
        return self.control.state()["devices"]["relay"]["outlets"]["1"]["commanded"] is True  # type: ignore[index,call-overload,no-any-return]

    @precondition(lambda self: self.client is None)
    @rule()
    def open(self) -> None:
        self._bench()

    @precondition(lambda self: self.client is not None)
    @rule(on=st.booleans())
    def switch(self, on: bool) -> None:
        said = self._ask("on" if on else "off")
        assert said == "done" if self.sound else said in ("done", "failed")
        if self.sound:
            assert self.commanded is on

    @precondition(lambda self: self.client is not None and self.sound)
    @rule()
    def boot(self) -> None:
        assert self._ask("on") == "done"
        deadline = Deadline.after(60)
        while not self.control.state()["boards"]["node1"]["running"]:
            assert not deadline.expired, "the board has power and does not run"
            hold(0.01)

    @rule(fault=st.sampled_from(["silent", "dropped-reply", "checksum", "unplugged"]))
    def fault(self, fault: str) -> None:
        self.control.fault("relay", fault)
        self.sound = False

    @precondition(lambda self: not self.sound)
    @rule()
    def mend(self) -> None:
        self.control.mend("relay")
        self.sound = True

    @precondition(lambda self: self.client is not None)
    @rule(how=st.sampled_from(["in order", "client killed", "keeper killed"]))
    def end(self, how: str) -> None:
        client, self.client = self.client, None
        assert client is not None
        assert client.stdin is not None
        if how == "in order":
            client.stdin.close()
        elif how == "client killed":
            client.kill()
        else:
            with Keeper.connect(self.directory, deadline=Deadline.after(60)) as keeper:
                os.kill(keeper.pid, signal.SIGKILL)
        deadline = Deadline.after(60)
        while is_alive(self.directory):
            assert not deadline.expired, "its keeper lives"
            hold(0.01)
        client.kill()
        client.wait()
        for pipe in (client.stdin, client.stdout):
            assert pipe is not None
            pipe.close()
        if self.sound and how != "keeper killed" and self.promised is not None:
            assert self.commanded is self.promised
            self.promised = None

    @invariant()
    def the_world_is_reached(self) -> None:
        assert self.control.path.is_socket()

    def teardown(self) -> None:
        self.control.mend("relay")
        self.sound = True
        if self.client is not None:
            self.end("client killed")
        self._sweep()

    def _bench(self) -> None:
        self._sweep()
        found = self.commanded
        self.directory = new_runtime_dir()
        self.client = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(self.folder / "rig.yaml"), str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.client.stdout is not None
        said = self.client.stdout.readline().strip()
        if said == "open":
            self.promised = {"on": True, "off": False}.get(self.leave, found)
            return
        # What is to be left as found cannot be opened unread; whoever tried has had the port since, and was told.
        assert (said, self.leave, self.sound) == ("refused", "as_found", False)
        self.promised = None
        self.end("in order")

    def _sweep(self) -> None:
        """What the next start does first: it keeps what was missed."""
        sweep(lambda entry: settled(dict(entry.data))[0])
        if self.sound and self.promised is not None:
            assert self.commanded is self.promised
            self.promised = None

    def _write_rig(self, leave: str) -> None:
        self.leave = leave
        (self.folder / "rig.yaml").write_text(RIG.format(device=self.relay, leave=leave))

    def _ask(self, word: str) -> str:
        assert self.client is not None
        assert self.client.stdin is not None
        assert self.client.stdout is not None
        self.client.stdin.write(f"{word}\n")
        self.client.stdin.flush()
        return self.client.stdout.readline().strip()


@pytest.mark.usefixtures("twin")
def test_each_port_is_as_promised_whatever_happens() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hs-", dir="/tmp")))
        keeper = stack.enter_context(Keeper.start(new_runtime_dir("twin"), deadline=Deadline.after(60)))
        devices = (DevicePlan("relay", "lcus", {"channels": 1}),)
        boards = (BoardPlan("node1", (("relay", 1),)),)
        twin = start(keeper, Plan(1, folder, devices, boards))
        Bench.folder, Bench.relay, Bench.control = folder, Path(twin.devices["twin:relay"]), twin.control
        Bench.TestCase.settings = settings(
            max_examples=5, stateful_step_count=7, deadline=None, suppress_health_check=list(HealthCheck)
        )
        Bench.TestCase().runTest()


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runtime folders of our own; clients without coverage, which a SIGKILL would tear."""
    with tempfile.TemporaryDirectory(prefix="hp-", dir="/tmp") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield
