"""Conditions together, a panel of probes, and waiting for them, with probes in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import Deadline, hold, now_ns
from hil.errors import InfrastructureError, NodeError, UsageError
from hil.readiness import waiting
from hil.readiness.condition import Condition, Truth
from hil.readiness.panel import Panel
from hil.readiness.readiness import Readiness
from hil.readiness.waiting import until_ready
from hil.timeline.timeline import Mark

truths = st.sampled_from(Truth)


def condition(name: str = "talos.stage", truth: Truth = Truth.TRUE, *, at: int | None = None) -> Condition:
    return Condition(name, truth, "running", "running", "api", at)


@given(st.lists(truths, max_size=6), st.sampled_from(["", "the kernel panicked"]))
def test_ready_only_when_there_are_conditions_and_all_are_true(found: list[Truth], stopped: str) -> None:
    readiness = Readiness("n1", tuple(condition(f"c{n}", truth) for n, truth in enumerate(found)), stopped)
    assert bool(readiness) == (found.count(Truth.TRUE) == len(found) > 0 and not stopped)
    assert len(readiness.lacking) == len(found) - found.count(Truth.TRUE)


def test_unknown_is_not_true() -> None:
    assert not Truth.UNKNOWN
    assert not condition(truth=Truth.UNKNOWN).holds


def test_the_table_is_what_a_test_shows() -> None:
    readiness = Readiness(
        "node1",
        (
            Condition("talos.api", Truth.TRUE, "answers", "answers as os:admin", "api", 1),
            Condition("talos.stage", Truth.FALSE, "running", "booting", "api", 1),
            Condition("talos.version", Truth.UNKNOWN, "v1.13.9", "x" * 70, "console", None),
        ),
        waited="waited at most 5 s",
        simulated="simulated Talos node",
    )
    assert repr(readiness) == str(readiness)
    assert repr(readiness).splitlines() == [
        "node1 (simulated Talos node): not ready: 2 of 3 conditions do not hold, waited at most 5 s",
        "  condition      holds    expected  observed" + " " * 54 + "source",
        "  talos.api      true     answers   answers as os:admin" + " " * 43 + "api",
        "  talos.stage    FALSE    running   booting" + " " * 55 + "api",
        "  talos.version  unknown  v1.13.9   " + "x" * 59 + "…  console",
    ]
    assert readiness["talos.stage"].observed == "booting"
    with pytest.raises(KeyError):
        readiness["talos.hostname"]


@pytest.mark.parametrize(
    ("readiness", "headline"),
    [
        (Readiness("a", (condition(),)), "a: ready: its condition holds"),
        (Readiness("a", (condition("x"), condition("y"))), "a: ready: all 2 conditions hold"),
        (Readiness("a", ()), "a: not ready: nothing is expected of it, so nothing was asked"),
        (Readiness("a", (condition(),), "panic"), "a: not ready: 0 of 1 conditions do not hold; stopped: panic"),
    ],
)
def test_headline(readiness: Readiness, headline: str) -> None:
    assert readiness.headline == headline


def test_json_counts_from_power_on() -> None:
    readiness = Readiness("a", (condition(at=3_500_000_000), condition("b", Truth.UNKNOWN)))
    assert readiness.to_json(1_000_000_000) == {
        "ready": False,
        "stopped": "",
        "waited": "",
        "simulated": "",
        "conditions": [
            {
                "name": "talos.stage",
                "truth": "true",
                "expected": "running",
                "observed": "running",
                "source": "api",
                "seconds": 2.5,
            },
            {
                "name": "b",
                "truth": "unknown",
                "expected": "running",
                "observed": "running",
                "source": "api",
                "seconds": None,
            },
        ],
    }
    assert readiness.conditions[0].to_json()["seconds"] is None
    measured = replace(readiness.conditions[0], figures={"latency_seconds": 0.02, "cold_start_seconds": None})
    assert measured.to_json()["figures"] == {"latency_seconds": 0.02, "cold_start_seconds": None}


@dataclass
class Stub:
    """A probe that finds what a test says."""

    found: tuple[Condition, ...] = ()
    marks: list[Mark] = field(default_factory=list)
    hopeless: str = ""
    broken: str = ""
    simulated: str = ""
    asked: list[str] = field(default_factory=list)

    def look(self) -> tuple[Condition, ...]:
        return self.found

    def news(self) -> list[Mark]:
        taken, self.marks = self.marks, []
        return taken

    def begin_again(self) -> None:
        self.asked.append("begin again")

    def close(self) -> None:
        self.asked.append("close")


def test_each_change_of_a_condition_is_one_mark() -> None:
    stub = Stub((condition(truth=Truth.UNKNOWN),))
    panel = Panel("n1", [stub], simulated="simulated")
    assert panel.news() == []
    seen = [Truth.FALSE, Truth.TRUE, Truth.TRUE, Truth.UNKNOWN, Truth.TRUE]
    marks = []
    for truth in seen:
        at = now_ns()
        stub.found = (condition(truth=truth, at=at),)
        marks += [(mark.stage, mark.evidence, mark.source, mark.at_ns == at) for mark in panel.news()]
    assert marks == [
        ("talos.stage", f"{truth}: running", "api", True) for truth in ("false", "true", "unknown", "true")
    ]
    assert panel.look().simulated == "simulated"


def test_a_panel_is_its_probes_together() -> None:
    first, second = Stub((condition("a"),)), Stub((condition("b", Truth.FALSE),), hopeless="config refused")
    panel = Panel("n1", [first, second])
    second.marks.append(Mark("talos.event", now_ns(), 0, "api", "booting"))
    assert [each.name for each in panel.look()] == ["a", "b"]
    assert [mark.stage for mark in panel.news()] == ["talos.event", "a", "b"]
    assert panel.hopeless == "config refused"
    assert panel.look().simulated == ""
    second.simulated = "simulated Talos node"
    assert panel.look().simulated == "simulated Talos node"
    panel.begin_again()
    panel.close()
    assert first.asked == second.asked == ["begin again", "close"]


T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([([T], "")], ""),
        ([([U], "")], ""),
        ([([U], "no peer")], "no peer"),
        ([([T, U], "no peer")], "no peer"),
        ([([T, T], "no peer")], ""),
        ([([F, U], "no peer")], ""),
        ([([T], ""), ([U], "no peer")], "no peer"),
        ([([F], ""), ([U], "no peer")], ""),
        ([([U], ""), ([U], "no peer")], ""),
        ([([U], "no peer"), ([U], "no cluster")], "no peer; no cluster"),
        ([([U], "no peer"), ([F], "no cluster")], ""),
        ([([T], "no peer"), ([U], "no cluster")], "no cluster"),
    ],
)
def test_the_bench_is_at_fault_only_where_all_that_lacks_is_what_it_cannot_ask(
    found: list[tuple[list[Truth], str]], why: str
) -> None:
    probes = [
        Stub(tuple(condition(f"c{probe}{n}", truth) for n, truth in enumerate(truths)), broken=broken)
        for probe, (truths, broken) in enumerate(found)
    ]
    assert Panel("n1", probes).broken == why


class Script:
    """What is found at each look: the truths a test lists, the last one for ever."""

    def __init__(self, *truths: Truth, hopeless: str = "") -> None:
        self.truths = list(truths)
        self.hopeless = hopeless
        self.looks = 0

    def look(self) -> Readiness:
        self.looks += 1
        truth = self.truths.pop(0) if len(self.truths) > 1 else self.truths[0]
        return Readiness("n1", (condition(truth=truth),))


def at_once(deadline: Deadline) -> None:
    assert deadline.at_ns is not None


def test_waits_until_all_holds() -> None:
    script = Script(Truth.UNKNOWN, Truth.FALSE, Truth.TRUE)
    found = until_ready(script, within=60, step=at_once)
    assert found
    assert script.looks == 3
    assert found.waited == "waited at most 60 s"


def test_a_time_out_gives_what_was_found_last() -> None:
    found = until_ready(Script(Truth.FALSE), within=0.01, step=at_once)
    assert not found
    assert found.stopped == ""


def test_stops_at_once_on_what_cannot_heal() -> None:
    script = Script(Truth.FALSE, hopeless="the configuration was refused")
    found = until_ready(script, within=5, step=at_once)
    assert (bool(found), found.stopped, script.looks) == (False, "the configuration was refused", 1)


def test_a_death_stops_the_wait_and_is_not_ready_however_true_the_rest() -> None:
    def dies(deadline: Deadline) -> None:
        script.truths = [Truth.TRUE]
        raise NodeError("n1: the kernel panicked", hint="read")

    script = Script(Truth.FALSE)
    found = until_ready(script, within=5, step=dies)
    assert (bool(found), found.stopped) == (False, "n1: the kernel panicked")


def test_a_broken_bench_is_not_the_nodes_fault() -> None:
    def breaks(deadline: Deadline) -> None:
        raise InfrastructureError("the keeper ended", hint="look")

    with pytest.raises(InfrastructureError):
        until_ready(Script(Truth.FALSE), within=5, step=breaks)


def test_a_break_begins_the_stable_time_anew() -> None:
    script = Script(*[Truth.TRUE, Truth.FALSE] * 50, Truth.TRUE)
    found = until_ready(script, within=60, stable_for=0.02, step=lambda deadline: hold(0.001))
    assert found
    assert script.looks > 100
    assert found.waited == "waited at most 60 s, stable for 0.02 s"


def test_one_look_is_no_stable_time_however_long_this_process_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    made = waiting.Deadline.after

    def late(seconds: float) -> Deadline:
        deadline = made(seconds)
        hold(2 * seconds)
        return deadline

    script = Script(Truth.TRUE, Truth.FALSE, Truth.TRUE)
    within = Deadline.after(60)
    monkeypatch.setattr(waiting.Deadline, "after", late)
    assert until_ready(script, within=within, stable_for=0.01, step=at_once)
    assert script.looks == 4


@pytest.mark.parametrize("held_up", [0.005, 0.6])
def test_ready_at_the_end_but_not_for_long_enough(held_up: float) -> None:
    class Late(Script):
        def look(self) -> Readiness:
            self.truths = [Truth.TRUE if (deadline.remaining() or 0.0) < 0.1 else Truth.FALSE]
            return super().look()

    def step(_: Deadline) -> None:
        hold(held_up if late.truths[0] else 0.005)

    deadline = Deadline.after(0.5)
    late = Late(Truth.FALSE)
    found = until_ready(late, within=deadline, stable_for=0.45, step=step)
    assert not found
    assert found.stopped == "it was not ready for 0.45 s without a break"


def test_what_cannot_be_asked() -> None:
    with pytest.raises(UsageError, match="cannot both be"):
        until_ready(Script(Truth.TRUE), within=5, stable_for=5, step=at_once)


def test_no_time_at_all_is_a_look() -> None:
    assert until_ready(Script(Truth.TRUE), within=0.0, step=at_once)
    assert not until_ready(Script(Truth.FALSE), within=0.0, step=at_once)


def test_what_was_found_later_takes_the_place_of_the_same_and_leaves_the_rest() -> None:
    before = Readiness("n1", (condition("a", Truth.FALSE), condition("b", Truth.FALSE)), stopped="late")
    after = Readiness("n1", (condition("c"), condition("b")), waited="within 5 s")
    both = after.beside(before)
    assert [(each.name, each.truth) for each in both] == [("a", Truth.FALSE), ("b", Truth.TRUE), ("c", Truth.TRUE)]
    assert (both.stopped, both.waited) == ("", "within 5 s")
