"""Why a pod does not run, by its object; and that no object, however odd, is a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import kubernetes_objects as made

from hil.readiness.kubernetes import pods, reading
from hil.readiness.kubernetes.pods import NO_ARM64, WRONG_PROGRAM

Json = Any


def why(pod: Json) -> str:
    found = pods.trouble(pod)
    return "" if found is None else found.why


@pytest.mark.parametrize(
    "pod",
    [
        made.pod(),
        made.pod("job", "Succeeded", made.status("Ready", "False", "PodCompleted"), containers=[{"name": "app"}]),
        {**made.pod("q", "Pending"), "metadata": {"name": "q", "deletionTimestamp": "2026-01-01T00:00:00Z"}},
    ],
    ids=["ready", "done", "being deleted"],
)
def test_a_pod_that_is_well(pod: Json) -> None:
    assert pods.trouble(pod) is None


def test_an_image_without_this_architecture_is_named_so() -> None:
    message = 'failed to pull and unpack image "x": no match for platform in manifest: not found'
    docker = "no matching manifest for linux/arm64 in the manifest list entries"
    assert why(made.pod("p", "Pending", containers=[made.waiting("ErrImagePull", message)])) == (
        f"{NO_ARM64}: app: ErrImagePull: {message}"
    )
    assert why(made.pod("p", "Pending", containers=[made.waiting("ImagePullBackOff", docker)])).startswith(NO_ARM64)


def test_an_image_of_another_processor_is_named_so() -> None:
    last = {"exitCode": 128, "reason": "StartError", "message": "runc: exec /app: exec format error: unknown"}
    crash = made.waiting("CrashLoopBackOff", "back-off 5m0s", restarts=1, last=last)
    found = pods.trouble(made.pod("p", containers=[crash]))
    assert found is not None
    assert found.why.startswith(f"{WRONG_PROGRAM}: app crashes again and again (1 restart); last: StartError")
    assert (found.container, found.told_by) == ("app", pods.LOG)


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (
            made.pod("p", "Pending", made.status("PodScheduled", "False", "Unschedulable", "too little cpu")),
            "is placed on no node: Unschedulable: too little cpu",
        ),
        (
            made.pod("p", containers=[made.waiting("CrashLoopBackOff", last={"exitCode": 137, "signal": 9})]),
            "app crashes again and again (0 restarts); last: signal 9",
        ),
        (made.pod("p", containers=[made.waiting("CrashLoopBackOff")]), "nothing is said of it"),
        (made.pod("p", "Failed", reason="Evicted", message="low on memory"), "Failed: Evicted: low on memory"),
        (
            made.pod("p", "Failed", containers=[{"name": "app", "state": {"terminated": {"exitCode": 3}}}]),
            "app ended: exit code 3",
        ),
        (
            made.pod("p", containers=[{"name": "app", "ready": False, "state": {"running": {}}}]),
            "app runs and is not ready: its readiness probe has not succeeded",
        ),
        (made.pod("p", "Running", made.status("Ready", "False", "ReadinessGatesNotReady")), "ReadinessGatesNotReady"),
        (made.pod("p", "Pending", made.status("x", "True")), "its kubelet has not said why"),
        (made.pod("p", "Pending", reason="NodeAffinity", message="no"), "Pending: NodeAffinity: no"),
    ],
)
def test_reasons(pod: Json, words: str) -> None:
    assert words in why(pod)


def test_an_init_container_that_fails_is_told_and_not_those_that_wait_for_it() -> None:
    pod = made.pod("p", "Pending", containers=[made.waiting("PodInitializing")])
    pod["status"]["initContainerStatuses"] = [{**made.waiting("ErrImageNeverPull", "no"), "name": "init"}]
    assert why(pod) == "init: ErrImageNeverPull: no"


def test_of_containers_that_wait_the_one_that_says_why_is_told() -> None:
    beside = {**made.waiting("ContainerCreating"), "name": "beside"}
    pod = made.pod("p", "Pending", containers=[beside, made.waiting("ErrImagePull", "no")])
    assert why(pod) == "app: ErrImagePull: no"


def test_a_pod_that_no_scheduler_saw() -> None:
    pod = made.pod("p", "Pending", made.status("x", "True"))
    del pod["spec"]["nodeName"]
    assert why(pod) == "is placed on no node yet: no scheduler has looked at it"


_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["True", "Ready", "Pending"])
)
_ANY = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
_READ = """
    metadata name namespace status spec phase conditions type reason message state containerStatuses lastState waiting
    initContainerStatuses terminated exitCode signal running ready nodeInfo runtimeHandlers renewTime handler
    leaseDurationSeconds readyReplicas replicas deletionTimestamp observedGeneration
"""
_KEYS = st.sampled_from(_READ.split())
_OBJECTS = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6), max_leaves=30
)
_STATUS = st.fixed_dictionaries(
    {},
    optional={
        "phase": st.sampled_from(["Pending", "Running", "Failed", "Unknown"]) | _ANY,
        "conditions": st.lists(_OBJECTS, max_size=3) | _ANY,
        "containerStatuses": st.lists(_OBJECTS, max_size=3) | _ANY,
        "initContainerStatuses": st.lists(_OBJECTS, max_size=3) | _ANY,
    },
)


@given(item=_OBJECTS | st.fixed_dictionaries({"status": _STATUS, "metadata": _OBJECTS}))
def test_no_object_is_a_traceback(item: Json) -> None:
    found = pods.trouble(item)
    assert found is None or (isinstance(found.why, str) and found.why and "\n" not in found.why)
    reading.node(item)
    reading.spin_app(item)
    reading.runtime_classes((item,))
    assert reading.heartbeat(item, None).age is None
