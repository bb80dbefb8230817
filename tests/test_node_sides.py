"""node.tailscale, node.spin, node.kubernetes, node.cozystack: a wait of each, with a judge in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Generic, TypeVar, cast

import pytest
from support.bench import Bench

from hil.boot import Verdict
from hil.clock import Deadline, now_ns
from hil.config.expect import CozystackExpect, KubernetesExpect, ServesExpect, SpinExpect, TailscaleExpect
from hil.errors import InfrastructureError, UsageError
from hil.node import Node
from hil.node.fittings import Sides
from hil.readiness.condition import Condition, Truth
from hil.readiness.readiness import Readiness

E = TypeVar("E")
Attend = Callable[[Callable[[], object]], None]
Wait = Callable[..., Readiness]

RIGS: Mapping[str, object] = {
    "tailscale": TailscaleExpect(hostname="rigs"),
    "spin": SpinExpect(app="default/rigs", serves=ServesExpect(path="/rigs", port=8000)),
    "kubernetes": KubernetesExpect(node="rigs"),
    "cozystack": CozystackExpect(),
}
WAITS = [
    pytest.param("tailscale", lambda node: node.tailscale.online, id="tailscale"),
    pytest.param("spin", lambda node: node.spin.ready, id="spin"),
    pytest.param("kubernetes", lambda node: node.kubernetes.ready, id="kubernetes"),
    pytest.param("cozystack", lambda node: node.cozystack.ready, id="cozystack"),
]


@dataclass
class InMemory(Generic[E]):
    """What judges one side of a node: finds what a test says, each time that it is asked anew.

    Args:
        name: of its one condition.
        expect: the rig's.
    """

    name: str
    expect: E
    truth: Truth = Truth.TRUE
    deaf: bool = False
    hopeless: str = ""
    lacks: Callable[[E], str] = lambda expect: ""
    answered_ns: int = 0
    judged_by: list[E] = field(default_factory=list)
    rounds: int = 0

    def look_for(self, expect: E, since_ns: int = 0) -> tuple[Condition, ...]:
        self.judged_by.append(expect)
        known = self.answered_ns >= since_ns
        return (Condition(self.name, self.truth if known else Truth.UNKNOWN, "up", "seen", "test", self.answered_ns),)

    def cannot_ask(self, expect: E) -> str:
        return self.lacks(expect)

    def ask_now(self) -> None:
        self.rounds += 1
        if not self.deaf:
            self.answered_ns = now_ns()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.quiet.sides = cast(
        "Sides", SimpleNamespace(**{name: InMemory(f"{name}.up", expect) for name, expect in RIGS.items()})
    )
    yield bench
    bench.close()


@pytest.fixture
def node(bench: Bench) -> Node:
    return bench.node()


@pytest.fixture
def meanwhile(node: Node, monkeypatch: pytest.MonkeyPatch) -> Attend:
    """Has something happen when the node is attended to next, which is while somebody waits."""
    attend = node.attend
    coming: list[Callable[[], object]] = []

    def attended(deadline: Deadline) -> None:
        if coming:
            coming.pop(0)()
        attend(deadline)

    monkeypatch.setattr(node, "attend", attended)
    return coming.append


def judge(bench: Bench, name: str) -> InMemory[object]:
    return cast("InMemory[object]", getattr(bench.quiet.sides, name))


@pytest.mark.parametrize(("name", "of"), WAITS)
def test_a_machine_that_is_off_is_switched_on_and_its_side_waited_for(
    bench: Bench, node: Node, meanwhile: Attend, name: str, of: Callable[[Node], Wait]
) -> None:
    side = judge(bench, name)
    side.truth = Truth.FALSE
    meanwhile(lambda: None)
    meanwhile(lambda: setattr(side, "truth", Truth.TRUE))
    found = of(node)(within=20)
    assert found
    assert found.headline == "n1: ready: its condition holds, waited at most 20 s"
    assert bench.hardware.asked == ["on"]
    assert side.judged_by[0] == RIGS[name], "what the rig expects holds where nothing else is said"
    [boot] = node.boots
    assert boot.readiness == found
    assert json.loads((boot.folder / "boot.json").read_text())["readiness"]["ready"] is True


@pytest.mark.parametrize(("name", "of"), WAITS)
def test_only_what_is_answered_after_the_call_counts(
    bench: Bench, node: Node, meanwhile: Attend, name: str, of: Callable[[Node], Wait]
) -> None:
    side = judge(bench, name)
    side.answered_ns, side.deaf = now_ns(), True
    assert [condition.truth for condition in of(node)(within=0.0)] == [Truth.UNKNOWN]
    assert side.rounds == 1, "it is asked at once"
    meanwhile(lambda: setattr(side, "answered_ns", now_ns()))
    assert of(node)(within=20)


@pytest.mark.parametrize(
    ("of", "changes", "expect"),
    [
        (lambda node: node.tailscale.online, {"path": "direct"}, TailscaleExpect(hostname="rigs", path="direct")),
        (
            lambda node: node.spin.ready,
            {"app": "a/b", "serves": None},
            SpinExpect(app="a/b", serves=None),
        ),
        (lambda node: node.kubernetes.ready, {"pods": "none"}, KubernetesExpect(node="rigs", pods="none")),
        (lambda node: node.cozystack.ready, {"releases": 20}, CozystackExpect(releases=20)),
    ],
)
def test_what_is_expected_may_be_changed(
    bench: Bench, node: Node, of: Callable[[Node], Wait], changes: dict[str, object], expect: object
) -> None:
    assert of(node)(within=20, **changes)
    name = type(expect).SECTION  # type: ignore[attr-defined]
    assert judge(bench, name).judged_by == [expect]
    assert judge(bench, name).expect == RIGS[name]


@pytest.mark.parametrize(
    ("of", "key", "hint"),
    [
        (lambda node: node.tailscale.online, "hostnam", "hostname"),
        (lambda node: node.spin.ready, "serve", "serves"),
        (lambda node: node.kubernetes.ready, "verison", "version"),
        (lambda node: node.cozystack.ready, "release", "releases"),
    ],
)
def test_a_key_that_is_mistyped(node: Node, of: Callable[[Node], Wait], key: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"nothing called '{key}' can be expected") as caught:
        of(node)(within=20, **{key: "x"})
    assert f"'{hint}'" in caught.value.hint


@pytest.mark.parametrize(("name", "of"), WAITS)
def test_a_value_that_cannot_be(node: Node, name: str, of: Callable[[Node], Wait]) -> None:
    wrong = {"tailscale": "path", "spin": "app", "kubernetes": "pods", "cozystack": "releases"}
    with pytest.raises(UsageError, match=f"cannot be: {wrong[name]}"):
        of(node)(within=20, **{wrong[name]: "!"})


def test_what_a_workload_answers_is_all_that_is_asked(bench: Bench, node: Node) -> None:
    assert node.spin.serves("/hello", within=20)
    assert node.spin.serves("/x", 20, status=404, body="no", port=3001)
    nothing = {"extension": None, "handler": None, "runtime_class": None, "app": None}
    assert judge(bench, "spin").judged_by == [
        SpinExpect(**nothing, serves=ServesExpect(path="/hello", port=8000)),
        SpinExpect(**nothing, serves=ServesExpect(path="/x", port=3001, status=404, body="no")),
    ]


def test_where_the_rig_names_no_port_it_is_spins_own(bench: Bench, node: Node) -> None:
    side = judge(bench, "spin")
    side.expect = SpinExpect()
    assert node.spin.serves("/hello", within=20)
    [judged] = side.judged_by
    assert isinstance(judged, SpinExpect)
    assert judged.serves == ServesExpect(path="/hello", port=3000)


@pytest.mark.parametrize("wrong", [{"path": "hello"}, {"path": "/", "status": 7}, {"path": "/", "port": 0}])
def test_what_cannot_be_served(node: Node, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="what is expected of Spin cannot be: serves"):
        node.spin.serves(within=20, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "of"), WAITS)
def test_a_death_of_the_machine_ends_the_wait(
    bench: Bench, node: Node, meanwhile: Attend, name: str, of: Callable[[Node], Wait]
) -> None:
    judge(bench, name).truth = Truth.FALSE

    def dies() -> None:
        bench.hardware.happens("SHUTDOWN", '{"guest": true, "reason": "guest-shutdown"}')
        bench.hardware.off(deadline=Deadline.after(1))

    meanwhile(dies)
    found = of(node)(within=20)
    assert not found
    assert "the machine switched itself off" in found.stopped
    assert node.boots[-1].verdict is Verdict.FAILED
    assert node.boots[-1].readiness == found


def test_the_benchs_fault_is_not_the_nodes(
    bench: Bench, node: Node, meanwhile: Attend, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(bench, "spin").truth = Truth.FALSE
    full = "no space left on device"
    meanwhile(lambda: monkeypatch.setattr(bench.keeper, "recording_error", lambda stream: full))
    with pytest.raises(InfrastructureError, match=full):
        node.spin.serves("/hello", within=20)


@pytest.mark.parametrize(("name", "of"), WAITS)
def test_what_no_waiting_mends_ends_it_with_the_reason(
    bench: Bench, node: Node, name: str, of: Callable[[Node], Wait]
) -> None:
    side = judge(bench, name)
    side.truth, side.hopeless = Truth.FALSE, "the key has expired"
    assert of(node)(within=20).stopped == "the key has expired"
    side.hopeless, side.lacks = "", lambda expect: "no peer is in the tailnet"
    found = of(node)(within=20)
    assert (bool(found), found.stopped) == (False, "no peer is in the tailnet"), "and it was found wrong besides"
    side.truth = Truth.UNKNOWN
    with pytest.raises(
        InfrastructureError, match="cannot say whether it is ready: no peer is in the tailnet"
    ) as fault:
        of(node)(within=20)
    assert any(name in line for line in fault.value.evidence)
    side.truth = Truth.TRUE
    assert of(node)(within=20), "what holds all the same is ready"


def test_what_the_bench_cannot_ask_ends_a_wait_for_that_alone(bench: Bench, node: Node, meanwhile: Attend) -> None:
    """The rig expects a SpinApp and has no cluster: a wait for an HTTP answer can end well all the same."""
    side = judge(bench, "spin")
    side.lacks = lambda expect: "no cluster" if cast("SpinExpect", expect).app is not None else ""
    side.truth = Truth.UNKNOWN
    with pytest.raises(InfrastructureError, match="no cluster"):
        node.spin.ready(within=20)
    meanwhile(lambda: setattr(side, "truth", Truth.TRUE))
    assert node.spin.serves("/hello", within=20)
    side.expect, side.truth = SpinExpect(), Truth.UNKNOWN
    with pytest.raises(InfrastructureError, match="no cluster"):
        node.spin.ready(within=20, app="default/hello")


def test_it_must_stay_so(bench: Bench, node: Node, meanwhile: Attend) -> None:
    side = judge(bench, "kubernetes")
    meanwhile(lambda: setattr(side, "truth", Truth.FALSE))
    meanwhile(lambda: setattr(side, "truth", Truth.TRUE))
    found = node.kubernetes.ready(within=20, stable_for=0.05)
    assert found
    assert found.waited == "waited at most 20 s, stable for 0.05 s"
    with pytest.raises(UsageError, match="cannot both be"):
        node.kubernetes.ready(within=1, stable_for=1)


def test_the_boots_record_keeps_what_the_other_sides_said(bench: Bench, node: Node) -> None:
    judge(bench, "spin").truth = Truth.FALSE
    assert node.tailscale.online(within=20)
    assert not node.spin.ready(within=0.0)
    assert node.cozystack.ready(within=20)
    judge(bench, "spin").truth = Truth.TRUE
    found = node.spin.ready(within=20)
    assert [condition.name for condition in found] == ["spin.up"]
    record = json.loads((node.boots[-1].folder / "boot.json").read_text())["readiness"]
    names = ["tailscale.up", "spin.up", "cozystack.up"]
    assert [(each["name"], each["truth"]) for each in record["conditions"]] == [(name, "true") for name in names]


def test_a_simulated_node_is_said_to_be(bench: Bench, node: Node) -> None:
    bench.quiet.simulated = "simulated Talos node"
    assert node.spin.serves("/hello", within=20).simulated == "simulated Talos node"


def test_what_may_be_used_once_is_made_anew_for_each_boot(bench: Bench, node: Node) -> None:
    """A key of a tailnet is served with the configuration, and the machine fetches that again as it starts again."""
    bench.joins = True
    node.begin()
    assert bench.served == ["img"]
    bench.hardware.asked.clear()
    node.reset()
    assert (bench.served, bench.hardware.asked) == (["img"] * 2, ["reset"])
    node.expect_restart("a reboot was asked for")
    assert bench.served == ["img"] * 3
    assert [mark.stage for mark in node.boots[-1].timeline].count("reset") == 2


def test_what_a_test_serves_meanwhile_stays_served(bench: Bench, node: Node) -> None:
    node.begin()
    node.reset()
    node.expect_restart("a reboot was asked for")
    assert bench.served == ["img"]


def test_it_is_served_before_the_machine_starts_again(
    bench: Bench, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.joins = True
    node.begin()
    order: list[str] = []
    reset = bench.hardware.reset

    def noted(*, deadline: Deadline) -> int:
        order.append(f"reset after {len(bench.served)}")
        return reset(deadline=deadline)

    monkeypatch.setattr(bench.hardware, "reset", noted)
    node.reset()
    assert order == ["reset after 2"]


def test_a_tree_of_the_users_own_is_never_served_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path, from_images=False)
    try:
        node = bench.node()
        node.begin()
        node.reset()
        node.expect_restart("a reboot was asked for")
        assert bench.served == []
    finally:
        bench.close()
