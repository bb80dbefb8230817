"""`hil boot` with a bench in memory: what it prints, as words and as a document, whatever came of the boots."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.hardware import Hardware, boot_in
from support.wire import Wire

from hil import cli
from hil.boot import Boot, Verdict
from hil.clock import Deadline, now_ns
from hil.errors import HilError, InfrastructureError, NodeError, UsageError
from hil.machine import Doors, Machine
from hil.node import OnMark
from hil.power.meter import Resolution
from hil.readiness.condition import Condition, Truth
from hil.readiness.readiness import Readiness
from hil.redaction import HIDDEN
from hil.report.power import PowerRecord
from hil.timeline.timeline import Mark


@dataclass
class Node:
    """Boots at once, in no time whatever it takes to be run, or fails."""

    name: str
    folder: Path
    machine: Machine
    failure: BaseException | None = None
    readiness: Readiness | None = None
    power: PowerRecord | None = None
    boots: list[Boot] = field(default_factory=list)
    asked: list[float | None] = field(default_factory=list)
    as_it_runs: bool = False
    nothing_expected: bool = False

    def attach(self, within: float | None, *, on_mark: OnMark) -> Boot:
        boot = boot_in(self.folder)
        boot.node, boot.image = self.name, "(its own)"
        self.boots.append(boot)
        moment = boot.timeline.origin_ns
        boot.timeline.add([Mark("attached", moment, 0, "hil", "as it runs")])
        if not self.nothing_expected:
            boot.timeline.add([Mark("ready", moment, 0, "probes", "all hold")])
            boot.settle(Verdict.READY)
        return boot

    @property
    def parts(self) -> frozenset[type[object]]:
        return frozenset(self.machine.parts)

    @property
    def booted(self) -> bool:
        return bool(self.boots)

    def boot(self, within: float | None, *, on_mark: OnMark) -> Boot:
        self.asked.append(within)
        if isinstance(self.failure, UsageError):
            raise self.failure
        boot = boot_in(self.folder)
        boot.node, boot.facts = self.name, {"machine": "qemu", "accelerator": "tcg x", "segment": "user"}
        self.boots.append(boot)
        moment = boot.timeline.origin_ns
        marks = [Mark("power", moment, 0, "hil", "on")]
        if self.failure is not None:
            boot.timeline.add(marks)
            if isinstance(self.failure, HilError):
                boot.fail(self.failure)
            raise self.failure
        marks.append(Mark("ready", moment, 0, "http", "GET"))
        for mark in boot.timeline.add(marks):
            on_mark(mark)
        boot.readiness = self.readiness
        if self.power is not None:
            boot.metered = SimpleNamespace(record=lambda *_, **__: self.power)
        boot.settle(Verdict.READY)
        return boot

    def address(self, port: int) -> tuple[str, int]:
        return self.machine.part(Doors).reach(port, deadline=None)  # type: ignore[type-abstract,arg-type]


@dataclass
class Bench:
    """What `open_bench` was called with, and what it gave."""

    folder: Path
    nodes: dict[str, Node]
    name: str = "virt-x1"
    rig: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="virt"))
    matchbox: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(address=("127.0.0.1", 4711)))
    opened: dict[str, object] = field(default_factory=dict)
    closed: bool = False

    def choose(self, names: tuple[str, ...]) -> list[Node]:
        return [self.nodes[name] for name in names or self.nodes]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """`hil boot` opens this one."""
    hardware = Hardware(Wire())
    hardware.doors[8080] = ("127.0.0.1", 4080)
    nodes = {name: Node(name, tmp_path, hardware.machine()) for name in ("a", "b")}
    bench = Bench(tmp_path, nodes)

    @contextmanager
    def open_bench(rig: object, **options: object) -> Iterator[Bench]:
        bench.opened = {"rig": rig, **options}
        try:
            yield bench
        finally:
            bench.closed = True

    class EarlyKeeper:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> EarlyKeeper:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing was started."""

    monkeypatch.setattr("hil.bench.open_bench", open_bench)
    monkeypatch.setattr("hil.keeper.early.EarlyKeeper", EarlyKeeper)
    monkeypatch.setattr("hil.config.rig.load_rig", lambda rig, cwd: rig)
    monkeypatch.chdir(tmp_path)
    yield bench
    hardware.close()


def test_a_machine_that_runs_already_is_attached_to(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.nodes["a"].as_it_runs = True
    assert cli.run(["boot", "--node", "a", "--keep"]) == 0
    out = capsys.readouterr().out
    assert "a: image (its own)" in out
    assert "a is ready: 0.00 s from when it was attached to; nobody saw its power-on\n" in out
    assert "console of a:" in out
    assert bench.nodes["a"].asked == []


def test_of_a_machine_that_runs_already_nothing_may_be_expected(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.nodes["a"].as_it_runs = bench.nodes["a"].nothing_expected = True
    assert cli.run(["boot", "--node", "a"]) == 2
    said = capsys.readouterr()
    assert "a runs already, and nothing says when it is ready" in said.err
    assert "is ready:" not in said.out


def test_each_node_has_its_timeline_and_its_verdict(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["boot", "--within", "9"]) == 0
    out = capsys.readouterr().out
    for name in ("a", "b"):
        assert f"{name}: image img, machine qemu, accelerator tcg x, segment user\n" in out
        assert f"{name} is ready: 0.00 s from power-on\n" in out
        assert bench.nodes[name].asked == [9.0]
    assert "kept:" not in out
    assert bench.closed
    assert bench.opened["artifacts"] == Path("hil-artifacts")
    assert (bench.opened["rig"], bench.opened["keep"], bench.opened["image"]) == ("virt", False, None)
    assert bench.opened["capture"] == "headers"


def test_the_energy_of_a_boot_is_a_line_below_its_table(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.nodes["a"].power = PowerRecord(
        *("twin:plug", True, Resolution(watts=0.1), 0.5, 1.0, "ready", 18.0, 61.2, 3.1, 3.4, 6.1, 0.0, 36)
    )
    assert cli.run(["boot"]) == 0
    energy = "energy: 61.2 J ± 3.1 J from power-on to ready, mean 3.4 W, peak 6.1 W (simulated; twin:plug every 0.5 s)"
    assert capsys.readouterr().out.count(f"\n{energy}\nrecord: ") == 1


@pytest.mark.parametrize("choice", ["headers", "full", "off"])
def test_the_user_chooses_what_is_kept_of_packets(bench: Bench, choice: str) -> None:
    assert cli.run(["boot", f"--capture={choice}"]) == 0
    assert bench.opened["capture"] == choice


def test_another_choice_of_packets_is_refused(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["boot", "--capture=some"]) == 2
    assert "'headers', 'full', 'off'" in capsys.readouterr().err
    assert bench.opened == {}


@pytest.mark.parametrize(
    ("options", "waited"), [([], 0.0), (["--wait"], math.inf), (["--wait=2min"], 120.0), (["--wait", "1.5s"], 1.5)]
)
def test_it_waits_as_long_as_it_is_told(bench: Bench, options: list[str], waited: float) -> None:
    assert cli.run(["boot", "virt", *options]) == 0
    wait = bench.opened["wait"]
    assert isinstance(wait, Deadline)
    assert wait.within == waited


def test_a_wait_that_is_no_time(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["boot", "--wait", "virt"]) == 2
    assert "'virt' is not a time" in capsys.readouterr().err
    assert bench.opened == {}


@pytest.mark.parametrize(
    ("arguments", "rig"), [([], "virt"), (["bridge"], "bridge"), (["--rig", "board-twin"], "board-twin")]
)
def test_which_rig(bench: Bench, arguments: list[str], rig: str) -> None:
    assert cli.run(["boot", *arguments]) == 0
    assert bench.opened["rig"] == rig


def test_two_rigs_are_one_too_many(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["boot", "virt", "--rig", "bridge"]) == 2
    assert "two rigs are given: virt and bridge" in capsys.readouterr().err


def test_one_node_alone_with_another_image(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["boot", "my.yaml", "--node", "b", "--image", "new", "--artifacts", "elsewhere"]
    assert cli.run(arguments) == 0
    assert bench.nodes["a"].boots == []
    assert (bench.opened["rig"], bench.opened["image"]) == ("my.yaml", "new")
    assert bench.opened["artifacts"] == Path("elsewhere")
    assert bench.nodes["b"].asked == [None]


def test_a_document(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["boot", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert list(document) == ["schema", "rig", "folder", "kept", "boots"]
    assert (document["schema"], document["rig"], document["kept"]) == ("hil.boot/1", "virt", None)
    assert [boot["node"] for boot in document["boots"]] == ["a", "b"]
    assert document["boots"][0]["timeline"]["schema"] == "hil.timeline/1"
    # Progress is beside it, for whoever watches.
    assert captured.err.splitlines()[0].startswith("a [   0.000s] power")


@pytest.mark.parametrize(
    ("failure", "code"), [(NodeError("a: it panicked", hint="look"), 1), (InfrastructureError("no", hint="look"), 3)]
)
def test_a_failed_boot_is_shown_as_far_as_it_came(
    bench: Bench, capsys: pytest.CaptureFixture[str], failure: NodeError, code: int
) -> None:
    bench.nodes["a"].failure = failure
    assert cli.run(["boot", "--keep"]) == code
    captured = capsys.readouterr()
    assert "a: image img" in captured.out
    assert f"record: {bench.folder}" in captured.out
    assert f"page: {bench.folder}" in captured.out
    assert "is ready" not in captured.out
    assert "kept:" not in captured.out
    assert captured.err.endswith(failure.render() + "\n")
    assert bench.nodes["b"].boots == []
    assert bench.closed


def test_a_failed_boot_as_a_document(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.nodes["a"].failure = NodeError("a: it panicked", hint="look", evidence=["last line"])
    assert cli.run(["boot", "--json", "--keep"]) == 1
    document = json.loads(capsys.readouterr().out)
    [boot] = document["boots"]
    assert document["kept"] is None
    assert (boot["verdict"], boot["error"]["message"]) == ("failed", "a: it panicked")


@pytest.mark.parametrize(("end", "code"), [(KeyboardInterrupt(), 130), (cli.Terminated(), 143)])
def test_a_boot_that_is_ended_is_left_before_it_is_shown(
    bench: Bench, capsys: pytest.CaptureFixture[str], end: BaseException, code: int
) -> None:
    bench.nodes["a"].failure = end
    assert cli.run(["boot"]) == code
    # Its page is written when it is left: so was all else that is shown.
    [boot] = bench.nodes["a"].boots
    assert boot.verdict is Verdict.INTERRUPTED
    assert boot.page.exists()
    assert f"record: {boot.folder}\npage: {boot.page}\n" in capsys.readouterr().out
    assert cli.run(["boot", "--json"]) == code
    assert [boot["verdict"] for boot in json.loads(capsys.readouterr().out)["boots"]] == ["interrupted"]


@pytest.mark.parametrize("arguments", [("boot",), ("boot", "--json")])
def test_no_secret_is_shown(bench: Bench, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    secret = "sesame-of-the-boot-command"
    HIDDEN.add([secret])
    found = Condition("talos.version", Truth.TRUE, secret, f"v{secret}", secret, now_ns())
    bench.nodes["a"].readiness = Readiness("a", (found,))
    bench.nodes["b"].failure = NodeError(f"says {secret}", hint=f"try {secret}", evidence=[f"line {secret}"])
    assert cli.run(list(arguments)) == 1
    shown = capsys.readouterr()
    assert secret not in shown.out + shown.err
    assert "v[redacted]" in shown.out
    assert "says [redacted]\n  | line [redacted]\n  what to do: try [redacted]\n" in shown.err


def test_a_boot_that_never_began(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.nodes["a"].failure = UsageError("no such image", hint="name another")
    assert cli.run(["boot"]) == 2
    assert capsys.readouterr().out == ""
    assert cli.run(["boot", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["boots"] == []


def test_what_is_kept_is_said_to_be_reached_and_ended(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["boot", "--keep", "--node", "a"]) == 0
    out = capsys.readouterr().out
    assert out.endswith(
        "kept: bench virt-x1 goes on\n"
        "  Matchbox:  http://127.0.0.1:4711\n"
        "  console of a:  hil console virt-x1/a   (Ctrl-] leaves)\n"
        "  port 8080 of a:  127.0.0.1:4080\n"
        "  console of b:  hil console virt-x1/b   (Ctrl-] leaves)\n"
        "  end it:  hil bench end virt-x1\n"
    )
    assert bench.opened["keep"] is True
    assert cli.run(["boot", "--keep", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == "virt-x1"


def test_what_was_asked_once_can_be_asked_again(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    condition = Condition("talos.stage", Truth.TRUE, "running", "running", "api", None)
    bench.nodes["b"].readiness = Readiness("b", (condition,))
    assert cli.run(["boot", "--keep"]) == 0
    out = capsys.readouterr().out
    assert (
        "  console of b:  hil console virt-x1/b   (Ctrl-] leaves)\n"
        "  whether b is still ready:  hil check virt-x1/b\n"
        "  port 8080 of b:  127.0.0.1:4080\n"
    ) in out
    assert "hil check virt-x1/a" not in out


@pytest.mark.parametrize("within", ["-1", "soon"])
def test_a_time_that_is_none(bench: Bench, capsys: pytest.CaptureFixture[str], within: str) -> None:
    assert cli.run(["boot", "--within", within]) == 2
    assert "--within" in capsys.readouterr().err
    assert bench.opened == {}
