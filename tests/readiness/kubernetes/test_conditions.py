"""What must hold of a node in Kubernetes, judged by one round: each thing that can be wrong with the node itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support import kubernetes_objects as made

from hil.config.expect.kubernetes import KubernetesExpect
from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes import reading
from hil.readiness.kubernetes.conditions import conditions
from hil.readiness.kubernetes.facts import Heartbeat, KubernetesFacts, PodsFacts, PodTrouble
from hil.readiness.rounds import Missing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXPECT = KubernetesExpect(version="v1.34.4", runtime_classes={"a": "spin", "b": "spin"})
WELL = KubernetesFacts(
    "https://test:6443",
    node=reading.node(made.node()),
    others=(),
    heartbeat=Heartbeat(NOW, 40, NOW),
    runtime_classes={"a": "spin", "b": "spin"},
    pods=PodsFacts(2, ()),
)


def judged(facts: KubernetesFacts | Missing, expect: KubernetesExpect = EXPECT) -> dict[str, Condition]:
    return {one.name.partition(".")[2]: one for one in conditions(facts, made.NODE, expect, 5)}


def false(facts: KubernetesFacts) -> list[str]:
    found = judged(facts)
    assert all(one.truth is not Truth.UNKNOWN for one in found.values())
    return [name for name, one in found.items() if not one.holds]


def of_node(*statuses: made.Json, spec: made.Json = None, **info: str) -> KubernetesFacts:
    return replace(WELL, node=reading.node(made.node(made.NODE, *statuses, spec=spec, **info)))


def test_all_is_well() -> None:
    assert false(WELL) == []


READY = made.status("Ready", "True")


@pytest.mark.parametrize(
    ("facts", "name", "words"),
    [
        (
            of_node(made.status("Ready", "False", "KubeletNotReady", "cni plugin not initialized")),
            "node",
            "not Ready: KubeletNotReady: cni plugin not initialized",
        ),
        (of_node(made.status("Ready", "Unknown", "NodeStatusUnknown")), "node", "unreachable: NodeStatusUnknown"),
        (of_node(made.status("Other", "True")), "node", "registered, and its kubelet has not reported yet"),
        (
            of_node(READY, made.status("DiskPressure", "True", "KubeletHasDiskPressure")),
            "node",
            "Ready, but DiskPressure (KubeletHasDiskPressure)",
        ),
        (of_node(READY, spec={"unschedulable": True}), "node", "Ready, but cordoned: no new pod is placed on it"),
        (
            replace(WELL, heartbeat=Heartbeat(NOW - timedelta(seconds=41), 40, NOW)),
            "node",
            "its kubelet has not reported for 41 s; it said Ready before",
        ),
        (of_node(kubeletVersion="v1.33.0"), "version", "v1.33.0"),
        (of_node(kubeletVersion=""), "version", "its kubelet has not said"),
        (of_node(architecture="amd64"), "arch", "amd64"),
        (replace(WELL, runtime_classes={"b": "x"}), "runtime-classes", "there is no a; b → x, not spin"),
        (
            replace(WELL, pods=PodsFacts(9, tuple(PodTrouble("n", str(i), "why") for i in range(5)))),
            "pods",
            "5 of 9 do not run: n/0: why; n/1: why; n/2: why; and 2 more",
        ),
    ],
)
def test_each_thing_goes_false_alone(facts: KubernetesFacts, name: str, words: str) -> None:
    assert false(facts) == [name]
    assert judged(facts)[name].observed == words


@pytest.mark.parametrize("pressure", ["DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable"])
def test_no_pressure_is_well(pressure: str) -> None:
    assert false(of_node(READY, made.status(pressure, "False"))) == []


@pytest.mark.parametrize(
    "heartbeat",
    [
        None,
        Missing("may not"),
        Heartbeat(None, 40, NOW),
        Heartbeat(NOW - timedelta(days=1), 40, None),
        Heartbeat(NOW, 1, NOW),
    ],
)
def test_a_lease_of_which_nothing_is_known_says_nothing(heartbeat: Heartbeat | Missing | None) -> None:
    assert false(replace(WELL, heartbeat=heartbeat)) == []


def test_what_could_not_be_asked_is_unknown_with_the_reason() -> None:
    found = judged(Missing("no door"))
    assert {one.truth for one in found.values()} == {Truth.UNKNOWN}
    assert {one.observed for one in found.values()} == {"no door"}
    assert {one.at_ns for one in found.values()} == {None}


def test_a_node_that_is_absent_leaves_what_is_the_clusters() -> None:
    found = judged(replace(WELL, node=None, others=tuple(f"n{i}" for i in range(7))))
    assert found["node"].observed == "no node node1 is registered; the cluster has n0, n1, n2, n3, n4 and 2 more"
    assert found["runtime-classes"].holds
    assert judged(replace(WELL, node=None, others=()))["node"].observed.endswith("the cluster has no nodes at all")
    assert judged(replace(WELL, node=None, others=Missing("no")))["node"].observed.endswith("is registered")
