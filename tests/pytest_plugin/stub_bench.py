"""A bench without machines, for tests of the plugin: put beside the inner tests and loaded with `-p stub_bench`.

What happens to it is appended to the file $STUB_EVENTS, one line each. It takes the place of `hil.bench` and
`hil.config.rig`; boots and timelines are the real ones.
"""

from __future__ import annotations

import os
import sys
import types
from contextlib import contextmanager
from pathlib import Path

from hil import errors
from hil.boot import Boot, Verdict
from hil.clock import WallAnchor, now_ns
from hil.machine import Netboot, Nic, Power, PowerState, SerialConsole
from hil.readiness.condition import Condition, Truth
from hil.readiness.readiness import Readiness
from hil.timeline.stages import FIRMWARE, POWER, READY, RESET
from hil.timeline.timeline import Mark, Timeline
from hil.tools.progress import Step

KINDS = {
    "NodeError": errors.NodeError,
    "InfrastructureError": errors.InfrastructureError,
    "MissingPart": errors.MissingPart,
    "UsageError": errors.UsageError,
    "HilBug": errors.HilBug,
}


def happened(line: str) -> None:
    with Path(os.environ["STUB_EVENTS"]).open("a") as file:
        file.write(line + "\n")


def make(kind: str) -> BaseException:
    """An error of this name, as hil would raise it."""
    if kind == "AssertionError":
        return AssertionError("two is not three")
    if kind == "ConfigError":
        return errors.ConfigError(
            [errors.Problem("rig.yaml", 3, 5, "  imag: x", "unknown key 'imag'", "did you mean 'image'?")]
        )
    return KINDS[kind](f"what {kind} says", hint=f"what to do about {kind}", evidence=["last line"])


def throw(kind: str) -> None:
    """Raise it within a frame of hil."""
    sys.modules["hil.bench"].inside(make(kind))


class Power_:
    def __init__(self, node: Node) -> None:
        self.node = node
        self.on_ = self.off_ = False

    def off(self) -> None:
        if Power not in self.node.parts:
            throw("MissingPart")
        happened(f"{self.node.name} off")
        self.on_, self.off_ = False, True

    def state(self) -> PowerState:
        return PowerState.ON if self.on_ else PowerState.OFF


class Node:
    def __init__(self, name: str, image: str, folder: Path) -> None:
        self.name, self.image, self.folder = name, image, folder
        self.boots: list[Boot] = []
        self.power = Power_(self)
        self.attached = "STUB_ATTACHED" in os.environ
        bare = "STUB_BARE" in os.environ
        parts = {Nic} if bare else {Nic, Power, SerialConsole}
        self.parts = frozenset(parts if self.attached else {*parts, Netboot})
        self.news: str = ""
        self.refuse = os.environ.get("STUB_REFUSE", "")

    def said(self, lines: int) -> list[str]:
        return [f"line {number} of the console" for number in range(90, 90 + lines)]

    @property
    def as_it_runs(self) -> bool:
        return self.attached and not self.power.off_

    def leave(self) -> None:
        if self.boots:
            happened(f"{self.name} left")
        self.power.on_ = False

    @property
    def booted(self) -> bool:
        return self.power.on_ and bool(self.boots) and self.boots[-1].verdict is Verdict.READY

    def boot(self) -> Boot:
        self.power.on_ = True
        number = len(self.boots) + 1
        folder = self.folder / f"{self.name}-boot{number}"
        folder.mkdir(parents=True)
        ready_ns = now_ns()
        timeline = Timeline(ready_ns - 2_500_000_000, WallAnchor.take())
        boot = Boot(number, self.name, self.image, {}, folder, timeline)
        self.boots.append(boot)
        self.mark(POWER.name, ready_ns - 2_500_000_000)
        self.mark(FIRMWARE.name, ready_ns - 1_000_000_000)
        happened(f"{self.name} boot {number} {self.image}")
        if self.refuse:
            error = make(self.refuse)
            boot.fail(error)
            raise error
        self.mark(READY.name, ready_ns)
        boot.settle(Verdict.READY)
        return boot

    def ready(self) -> Readiness:
        """As `node.talos.ready()`: what was found of the present boot, which is in its record too."""
        found = Condition("talos.stage", Truth.FALSE, "running", "booting", "api", now_ns())
        self.ensure().readiness = Readiness(self.name, (found,), waited="waited at most 5 s")
        return self.boots[-1].readiness

    def mark(self, stage: str, at_ns: int) -> None:
        self.boots[-1].timeline.add([Mark(stage, at_ns, 0, "stub", f"{stage} was seen")])

    def reset(self) -> None:
        self.mark(RESET.name, now_ns())

    def ensure(self) -> Boot:
        return self.boots[-1] if self.booted else self.boot()

    @property
    def timeline(self) -> Timeline:
        return self.ensure().timeline

    def take_in(self) -> None:
        if self.news:
            throw(self.news)


class Bench:
    def __init__(self, rig: types.SimpleNamespace, folder: Path, image: str | None) -> None:
        self.rig, self.folder, self.name = rig, folder, "stub-1"
        self.nodes = {name: Node(name, image or "own", folder) for name in rig.nodes}
        self.matchbox = "the matchbox"

    def choose(self, names: list[str]) -> list[Node]:
        for name in names:
            if name not in self.nodes:
                raise errors.UsageError(f"no node {name!r}", hint=f"its nodes are: {', '.join(self.nodes)}")
        return [self.nodes[name] for name in names]


@contextmanager
def open_bench(rig, *, artifacts: Path, keep: bool = False, image: str | None = None, capture: str, wait, progress):
    happened(f"open {rig.name} {artifacts.name} {keep} {image} {capture}")
    if not wait.expired:
        happened(f"wait {wait}")
        progress(Step("waiting for the other one"))
        progress(Step("waiting for the other one"))
    if os.environ.get("STUB_OPEN"):
        throw(os.environ["STUB_OPEN"])
    try:
        yield Bench(rig, artifacts / f"bench-{os.getpid()}", image)
    finally:
        happened("closed")


def load_rig(source: str, *, cwd: Path) -> types.SimpleNamespace:
    happened(f"rig {source} from {cwd.name}")
    if source == "wrong.yaml":
        throw("ConfigError")
    return types.SimpleNamespace(
        name=source,
        nodes=os.environ.get("STUB_NODES", "n1").split(),
        matchbox=types.SimpleNamespace(from_images="STUB_TREE" not in os.environ),
    )


def _module(name: str, **names: object) -> None:
    module = types.ModuleType(name)
    vars(module).update(names)
    sys.modules[name] = module


_module("hil.bench", open_bench=open_bench)
INSIDE = "def inside(error):\n    raise error from OSError('a cause inside hil')"
exec(compile(INSIDE, "a_file_of_hil.py", "exec"), vars(sys.modules["hil.bench"]))
_module("hil.config.rig", load_rig=load_rig)
