"""What is made of what was found: each level alone, in the words that a person reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.config.expect.spin import ServesExpect, SpinExpect
from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes.facts import SpinApp, Status
from hil.readiness.rounds import Missing
from hil.readiness.spin.conditions import Seen, conditions
from hil.readiness.spin.facts import Absent, SpinFacts
from hil.readiness.spin.handlers import Handlers
from hil.readiness.spin.serving import Served
from hil.readiness.spin.timings import Stopwatch
from hil.services.tailnet.exchange import Answer

ALL = SpinExpect(
    extension="0.1.0",
    runtime_class="wasmtime-spin-v2",
    app="default/hello",
    serves=ServesExpect(path="/hello", body="hello"),
)
EXTENSION = Condition("talos.extension.spin", Truth.TRUE, "0.1.0", "0.1.0", "api", 5)
GONE = Missing("no cluster\nto ask")


def app(ready: int = 1, wanted: int | None = 1, *statuses: Status) -> SpinApp:
    return SpinApp("default", "hello", "registry/hello", wanted, ready, {status.type: status for status in statuses})


WELL = SpinFacts(Handlers(("spin",), "kubernetes"), "spin", app())


def served(status: int, body: bytes) -> Served:
    return Served(Answer(status, body), "", status == 200, Stopwatch(0).read())


SEEN = Seen(EXTENSION, (WELL, 6), (served(200, b"hello"), 7))


def judged(seen: Seen = SEEN, expect: SpinExpect = ALL) -> dict[str, Condition]:
    return {one.name: one for one in conditions(seen, expect)}


def having(found: SpinFacts) -> dict[str, Condition]:
    """What is judged of other facts of the cluster and the node."""
    return judged(replace(SEEN, facts=(found, 6)))


def test_all_five_levels_hold_each_with_its_source_and_moment() -> None:
    assert [(one.name, one.truth, one.source, one.at_ns) for one in judged().values()] == [
        ("spin.extension", Truth.TRUE, "api", 5),
        ("spin.handler", Truth.TRUE, "kubernetes", 6),
        ("spin.runtime-class", Truth.TRUE, "kubernetes", 6),
        ("spin.app", Truth.TRUE, "kubernetes", 6),
        ("spin.http", Truth.TRUE, "http", 7),
    ]
    assert [one.expected for one in judged().values()] == [
        "0.1.0",
        "spin",
        "wasmtime-spin-v2 with handler spin",
        "default/hello ready",
        "200 at :3000/hello with 'hello'",
    ]


def test_what_is_not_expected_is_not_judged() -> None:
    assert judged(SEEN, SpinExpect(extension=None, handler=None)) == {}
    assert set(judged(SEEN, SpinExpect())) == {"spin.extension", "spin.handler"}
    assert set(judged(SEEN, SpinExpect(extension=None, handler=None, app="default/hello"))) == {"spin.app"}


def alone(name: str, found: dict[str, Condition]) -> str:
    """What is observed, where that condition alone is false."""
    assert {one.name for one in found.values() if not one.holds} == {name}
    assert found[name].truth is Truth.FALSE
    return found[name].observed


def test_each_level_goes_false_alone() -> None:
    absent = Condition("talos.extension.spin", Truth.FALSE, "0.1.0", "absent; there is none", "api", 5)
    assert alone("spin.extension", judged(replace(SEEN, extension=absent))) == "absent; there is none"
    assert alone("spin.runtime-class", having(replace(WELL, runtime_class="spin-v2"))) == (
        "RuntimeClass wasmtime-spin-v2 has handler spin-v2, the node's containerd has spin"
    )
    assert alone("spin.runtime-class", having(replace(WELL, runtime_class=Absent("there is no RuntimeClass x")))) == (
        "there is no RuntimeClass x"
    )
    assert alone("spin.app", having(replace(WELL, app=Absent("there is no SpinApp default/hello")))) == (
        "there is no SpinApp default/hello"
    )
    assert alone("spin.http", judged(replace(SEEN, served=(served(404, b"not found"), 7)))) == "404: not found"


def test_a_node_without_the_handler_is_no_end_for_the_class() -> None:
    found = having(replace(WELL, handlers=Handlers(("spin-v2", "wasmedge"), "api")))
    assert (found["spin.handler"].truth, found["spin.handler"].source) == (Truth.FALSE, "api")
    assert found["spin.handler"].observed == "spin-v2, wasmedge"
    assert found["spin.runtime-class"].truth is Truth.FALSE
    assert found["spin.runtime-class"].observed == (
        "RuntimeClass wasmtime-spin-v2 has handler spin, the node's containerd has spin-v2, wasmedge"
    )


def test_a_class_is_known_to_be_wrong_though_the_node_is_not_known() -> None:
    right = having(replace(WELL, handlers=Missing("no os:admin")))["spin.runtime-class"]
    assert (right.truth, right.observed) == (
        Truth.UNKNOWN,
        "RuntimeClass wasmtime-spin-v2 has handler spin; what the node's containerd has is not known: no os:admin",
    )
    wrong = having(replace(WELL, handlers=Missing("no os:admin"), runtime_class="x"))["spin.runtime-class"]
    assert (wrong.truth, wrong.observed) == (Truth.FALSE, "RuntimeClass wasmtime-spin-v2 has handler x")


@pytest.mark.parametrize(
    ("found", "truth", "words"),
    [
        (app(), Truth.TRUE, "1 of 1 replicas ready"),
        (app(2, 1), Truth.TRUE, "2 of 1 replicas ready"),
        (app(0, 0), Truth.TRUE, "0 of 0 replicas ready"),
        (app(0, 1), Truth.FALSE, "0 of 1 replicas ready; it does not say why"),
        (app(0, None), Truth.FALSE, "0 of 1 replicas ready; it does not say why"),
        (
            app(1, 2, Status("Available", "True"), Status("Progressing", "False", "ProgressDeadlineExceeded", "slow")),
            Truth.FALSE,
            "1 of 2 replicas ready; Progressing is False: ProgressDeadlineExceeded: slow",
        ),
        (
            app(1, 1, Status("Available", "False", "MinimumReplicasUnavailable")),
            Truth.FALSE,
            "1 of 1 replicas ready; Available is False: MinimumReplicasUnavailable",
        ),
        (app(1, 1, Status("Progressing", "False", "x")), Truth.TRUE, "1 of 1 replicas ready"),
    ],
)
def test_an_application_is_ready_or_says_why_not(found: SpinApp, truth: Truth, words: str) -> None:
    condition = having(replace(WELL, app=found))["spin.app"]
    assert (condition.truth, condition.observed) == (truth, words)


def test_what_could_not_be_asked_is_unknown_with_the_reason() -> None:
    found = judged(Seen(GONE, GONE, GONE))
    assert {one.truth for one in found.values()} == {Truth.UNKNOWN}
    assert {one.observed for one in found.values()} == {"no cluster to ask"}
    assert {one.at_ns for one in found.values()} == {None}
    some = having(replace(WELL, runtime_class=GONE, app=GONE))
    assert {one.name for one in some.values() if one.truth is Truth.UNKNOWN} == {"spin.runtime-class", "spin.app"}
