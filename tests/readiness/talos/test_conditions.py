"""What must hold of a Talos node: each thing that can be wrong makes its own condition untrue, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.expect import TalosExpect
from hil.readiness.condition import Condition, Truth
from hil.readiness.talos.conditions import conditions
from hil.readiness.talos.console_progress import ConsoleProgress
from hil.readiness.talos.observation import (
    MachineStatus,
    Mode,
    Observation,
    ServiceState,
    Unknown,
    Unmet,
    unreachable,
)
from hil.readiness.talos.trouble import Kind, Trouble

EXPECT = TalosExpect(
    version="v1.13.9", hostname="node1", extensions={"hello": "0.1.0", "other": "any"}, services=("hello",)
)
RUNNING = ServiceState("Running", None, "Started task ext-hello (PID 812)")
GOOD = Observation(
    1_000,
    Mode.CONFIGURED,
    "127.0.0.1:50000",
    status=MachineStatus("running", True, ()),
    version="v1.13.9",
    hostname="node1",
    extensions={"hello": "0.1.0", "other": "7"},
    services={"apid": ServiceState("Running", True, ""), "ext-hello": RUNNING},
    roles=("os:admin",),
    verified=True,
)
WHY = Unknown("no answer in time")
FORBIDDEN = Trouble(Kind.FORBIDDEN, "it may not", "take another", "not allowed")
SILENT = Trouble(Kind.SILENT, "it takes the connection and says nothing", "wait", "says nothing")
REFUSED = Trouble(Kind.REFUSED, "it refuses the connection", "wait", "connection refused")

TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def lacking(found: tuple[Condition, ...]) -> dict[str, Truth]:
    return {condition.name: condition.truth for condition in found if not condition.holds}


def test_all_hold() -> None:
    found = conditions(GOOD, EXPECT)
    assert lacking(found) == {}
    assert [condition.name for condition in found] == [
        "talos.api",
        "talos.stage",
        "talos.ready",
        "talos.unmet",
        "talos.version",
        "talos.hostname",
        "talos.extension.hello",
        "talos.extension.other",
        "talos.service.ext-hello",
    ]
    assert {condition.source for condition in found} == {"api"}
    assert {condition.at_ns for condition in found} == {1_000}
    assert found[0].observed == "answers as os:admin"


VARIED = [
    ({"trouble": FORBIDDEN}, {"talos.api": FALSE}),
    ({"mode": Mode.MAINTENANCE}, {"talos.api": FALSE}),
    ({"status": MachineStatus("booting", True, ())}, {"talos.stage": FALSE}),
    ({"status": MachineStatus("maintenance", True, ())}, {"talos.stage": FALSE, "talos.ready": FALSE}),
    ({"status": MachineStatus("running", False, ())}, {"talos.ready": FALSE}),
    ({"status": MachineStatus("running", True, (Unmet("time", "not in sync"),))}, {"talos.unmet": FALSE}),
    ({"status": WHY}, {"talos.stage": UNKNOWN, "talos.ready": UNKNOWN, "talos.unmet": UNKNOWN}),
    ({"version": "v1.13.8"}, {"talos.version": FALSE}),
    ({"version": WHY}, {"talos.version": UNKNOWN}),
    ({"hostname": "node2"}, {"talos.hostname": FALSE}),
    ({"hostname": ""}, {"talos.hostname": FALSE}),
    ({"hostname": WHY}, {"talos.hostname": UNKNOWN}),
    ({"extensions": {"hello": "0.1.1", "other": "7"}}, {"talos.extension.hello": FALSE}),
    ({"extensions": {"other": "7"}}, {"talos.extension.hello": FALSE}),
    ({"extensions": {"hello": "0.1.0"}}, {"talos.extension.other": FALSE}),
    ({"extensions": WHY}, {"talos.extension.hello": UNKNOWN, "talos.extension.other": UNKNOWN}),
    ({"services": {}}, {"talos.service.ext-hello": FALSE}),
    ({"services": {"hello": RUNNING}}, {"talos.service.ext-hello": FALSE}),
    ({"services": {"ext-hello": ServiceState("Waiting", None, "for it")}}, {"talos.service.ext-hello": FALSE}),
    ({"services": {"ext-hello": ServiceState("Running", False, "hurts")}}, {"talos.service.ext-hello": FALSE}),
    ({"services": WHY}, {"talos.service.ext-hello": UNKNOWN}),
]


@pytest.mark.parametrize(("changed", "expected"), VARIED)
def test_one_thing_wrong_is_one_condition_untrue(changed: dict[str, object], expected: dict[str, Truth]) -> None:
    assert lacking(conditions(replace(GOOD, **changed), EXPECT)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("trouble", "api"), [(SILENT, UNKNOWN), (REFUSED, FALSE)])
def test_unreachable_is_unknown_all_through(trouble: Trouble, api: Truth) -> None:
    found = conditions(unreachable(5, "127.0.0.1:50000", trouble), EXPECT)
    assert {condition.truth for condition in found[1:]} == {UNKNOWN}
    assert found[0].truth is api
    assert {condition.observed for condition in found} == {trouble.short}
    assert not any(condition.at_ns for condition in found[1:])


def test_what_is_not_expected_is_not_asked() -> None:
    names = [condition.name for condition in conditions(GOOD, TalosExpect())]
    assert names == ["talos.api", "talos.stage", "talos.ready", "talos.unmet"]


def test_where_the_api_is_silent_the_console_speaks() -> None:
    console = ConsoleProgress(begun=True, doing="boot sequence: 8 phase(s)", at_ns=3)
    stage = conditions(unreachable(5, "n", REFUSED), EXPECT, console)[1]
    assert (stage.truth, stage.observed, stage.source, stage.at_ns) == (UNKNOWN, console.doing, "console", 3)
    assert conditions(GOOD, EXPECT, console)[1].source == "api"
    assert conditions(unreachable(5, "n", REFUSED), EXPECT, ConsoleProgress())[1].source == "api"


@pytest.mark.parametrize("trouble", [None, Trouble(Kind.MAINTENANCE, "", "", "in maintenance mode")])
def test_maintenance_mode_can_be_what_is_expected(trouble: Trouble | None) -> None:
    expect = TalosExpect(stage="maintenance", extensions={"hello": "any"})
    seen = replace(
        GOOD, mode=Mode.MAINTENANCE, roles=(), status=MachineStatus("maintenance", True, ()), trouble=trouble
    )
    found = conditions(replace(seen, verified=False), expect)
    assert lacking(found) == {}
    assert [condition.name for condition in found] == ["talos.api", "talos.stage", "talos.extension.hello"]
    assert found[0].observed == "answers in maintenance mode; its identity is unverified"
    assert conditions(seen, expect)[0].observed == "answers in maintenance mode"
    assert lacking(conditions(GOOD, expect)) == {"talos.api": FALSE, "talos.stage": FALSE}


def test_a_node_in_maintenance_is_not_ready_though_talos_says_so() -> None:
    trouble = Trouble(Kind.MAINTENANCE, "in maintenance mode", "give it one", "in maintenance mode")
    seen = replace(GOOD, mode=Mode.MAINTENANCE, status=MachineStatus("maintenance", True, ()), trouble=trouble)
    found = conditions(seen, EXPECT)
    assert lacking(found) == {"talos.api": FALSE, "talos.stage": FALSE, "talos.ready": FALSE}
    assert found[0].observed == "in maintenance mode"
    assert found[2].observed == "nothing is checked in maintenance mode"


@pytest.mark.parametrize(
    ("name", "observed"), [("node2", "node2: a configuration of another node?"), ("", "it has no name")]
)
def test_another_name_is_the_sign_of_a_configuration_for_another_node(name: str, observed: str) -> None:
    [found] = [each for each in conditions(replace(GOOD, hostname=name), EXPECT) if not each.holds]
    assert (found.name, found.truth, found.expected, found.observed) == ("talos.hostname", FALSE, "node1", observed)


def test_words_are_on_one_line() -> None:
    status = MachineStatus("running", False, (Unmet("services", "kubelet:\n\tnot healthy"), Unmet("time", "unset")))
    services = {"ext-hello": ServiceState("Waiting", None, "for its configuration")}
    found = {item.name: item for item in conditions(replace(GOOD, status=status, services=services), EXPECT)}
    assert found["talos.unmet"].observed == "services (kubelet: not healthy), time (unset)"
    assert found["talos.service.ext-hello"].observed == "waiting: for its configuration"
    absent = conditions(replace(GOOD, services={}, extensions={}), EXPECT)
    assert absent[-1].observed == "absent: Talos lists no such service"
    assert absent[6].observed == "absent; there is none"


@given(st.lists(st.sampled_from(VARIED), min_size=1, max_size=4))
def test_no_mixture_of_wrongs_makes_a_right(wrongs: list[tuple[dict[str, object], dict[str, Truth]]]) -> None:
    changed: dict[str, object] = {}
    for change, _ in wrongs:
        changed |= change
    found = conditions(replace(GOOD, **changed), EXPECT)  # type: ignore[arg-type]
    assert not all(condition.holds for condition in found)
