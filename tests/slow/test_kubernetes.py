"""A node in Kubernetes, asked of the real API server: each condition true, then each false alone.

What kubelets, controllers and operators write, the tests write by the same API.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from support import kubernetes_objects as made
from support.kubernetes import GUEST_SEES, VERSION, ApiServer, api_server, until
from support.kubernetes_pki import new_authority

from hil.clock import Deadline
from hil.config.expect.kubernetes import KubernetesExpect
from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes import asking, kinds
from hil.readiness.kubernetes.access import KubernetesAccess
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.conditions import conditions
from hil.readiness.kubernetes.trouble import NoSuchKind

pytestmark = pytest.mark.slow

Json = Any
Found = dict[str, Condition]
Change = Callable[[ApiServer], None]
EXPECT = KubernetesExpect(version=VERSION, runtime_classes={"wasmtime-spin-v2": "spin"})
WITHIN = 60.0
OTHER_HANDLER = made.runtime_class(handler="spin-v2")
ALL = ("node", "version", "arch", "runtime-classes", "pods")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    tokens = {"reader": ("reader", "readers")}
    with api_server(tmp_path_factory.mktemp("kubernetes"), tokens=tokens) as served:
        until(lambda: has_namespace(served, "kube-node-lease"), "the namespace of leases is there")
        yield served


def has_namespace(server: ApiServer, name: str) -> bool:
    found = server.ask("GET", "/api/v1/namespaces")
    return any(item["metadata"]["name"] == name for item in found["items"])


def pod(name: str = "p", status: Json = None, **spec: Json) -> Json:
    containers = [{"name": "app", "image": "registry.invalid/app:1"}]
    ready = {"phase": "Running", "conditions": [made.status("Ready", "True")]}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": made.NODE, "containers": containers, **spec},
        "status": status or ready,
    }


@pytest.fixture
def well(server: ApiServer) -> ApiServer:
    """A node of which all that is expected holds."""
    server.make(kinds.NODE, made.node())
    server.make(kinds.LEASE, made.lease(ago=0))
    server.make(kinds.RUNTIME_CLASS, made.runtime_class())
    server.make(kinds.POD, pod())
    return server


def looked(access: KubernetesAccess, expect: KubernetesExpect = EXPECT) -> Found:
    with closing(KubernetesApi(lambda _: access)) as api:
        facts = asking.ask(api, made.NODE, expect, Deadline.after(WITHIN))
    return {one.name.partition(".")[2]: one for one in conditions(facts, made.NODE, expect, 1)}


def failing(found: Found) -> dict[str, Truth]:
    return {name: one.truth for name, one in found.items() if not one.holds}


def test_all_holds(well: ApiServer) -> None:
    found = looked(well.access())
    assert tuple(found) == ALL
    assert failing(found) == {}, found


def ready(truth: str, reason: str, message: str) -> Change:
    status = {"conditions": [made.status("Ready", truth, reason, message)]}
    return lambda server: server.patch_status(kinds.NODE, made.NODE, status)


def info(key: str, value: str) -> Change:
    return lambda server: server.patch_status(kinds.NODE, made.NODE, {"nodeInfo": {key: value}})


def crash(server: ApiServer) -> None:
    last = {"exitCode": 128, "reason": "StartError", "message": "exec /app: exec format error"}
    waits = made.waiting("CrashLoopBackOff", "back-off 10s", restarts=2, last=last)
    image = {"image": "x", "imageID": ""}
    server.patch_status(
        kinds.POD, "p", {"conditions": [], "containerStatuses": [{**waits, **image}]}, namespace="default"
    )


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (
            ready("False", "KubeletNotReady", "cni plugin not initialized"),
            "node",
            "not Ready: KubeletNotReady: cni plugin",
        ),
        (ready("Unknown", "NodeStatusUnknown", "stopped posting"), "node", "unreachable: NodeStatusUnknown"),
        (lambda server: server.patch(kinds.NODE, made.NODE, {"spec": {"unschedulable": True}}), "node", "cordoned"),
        (lambda server: server.make(kinds.LEASE, made.lease(ago=105)), "node", "its kubelet has not reported for 10"),
        (info("kubeletVersion", "v1.33.1"), "version", "v1.33.1"),
        (info("architecture", "amd64"), "arch", "amd64"),
        (
            lambda server: server.make(kinds.RUNTIME_CLASS, made.runtime_class(handler="spin-v2")),
            "runtime-classes",
            "not spin",
        ),
        (
            lambda server: server.delete(kinds.RUNTIME_CLASS, "wasmtime-spin-v2"),
            "runtime-classes",
            "there is no wasmtime",
        ),
        (crash, "pods", "1 of 1 do not run: default/p: the image is built for another processor (exec format error)"),
    ],
)
def test_each_goes_false_alone(well: ApiServer, change: Change, name: str, words: str) -> None:
    change(well)
    found = looked(well.access())
    assert failing(found) == {name: Truth.FALSE}
    assert words in found[name].observed


def test_a_node_that_is_not_registered(well: ApiServer) -> None:
    well.delete(kinds.NODE, made.NODE)
    well.make(kinds.NODE, made.node("another"))
    found = looked(well.access())
    well.delete(kinds.NODE, "another")
    assert failing(found) == {"node": Truth.FALSE, "version": Truth.UNKNOWN, "arch": Truth.UNKNOWN}
    assert found["node"].observed == "no node node1 is registered; the cluster has another"


def test_a_pod_that_is_placed_nowhere_is_seen_where_all_are_asked_for(well: ApiServer) -> None:
    status = {"phase": "Pending", "conditions": [made.status("PodScheduled", "False", "Unschedulable", "0/1 nodes")]}
    homeless = pod("homeless", status)
    del homeless["spec"]["nodeName"]
    well.make(kinds.POD, homeless)
    own, everyone = looked(well.access()), looked(well.access(), replace_pods("all"))
    well.delete(kinds.POD, "homeless", namespace="default")
    assert failing(own) == {}
    assert failing(everyone) == {"pods": Truth.FALSE}
    assert everyone["pods"].observed.endswith("default/homeless: is placed on no node: Unschedulable: 0/1 nodes")


def replace_pods(whose: str) -> KubernetesExpect:
    return KubernetesExpect.model_validate({**EXPECT.model_dump(), "pods": whose})


def test_what_an_event_tells_of_a_pod_is_said(well: ApiServer) -> None:
    why = 'failed to get sandbox runtime: no runtime for "spin" is configured'
    status = {
        "phase": "Pending",
        "containerStatuses": [{**made.waiting("ContainerCreating"), "image": "x", "imageID": ""}],
    }
    well.make(kinds.POD, pod("waits", status))
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": "waits", "namespace": "default"},
        "type": "Warning",
        "reason": "FailedCreatePodSandBox",
        "message": why,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    well.make(kinds.EVENT, event)
    found = looked(well.access())
    well.delete(kinds.POD, "waits", namespace="default")
    assert failing(found) == {"pods": Truth.FALSE}
    assert found["pods"].observed == f"1 of 2 do not run: default/waits: app: ContainerCreating: {why}"


def test_who_may_not_list_learns_which_right_is_missing(well: ApiServer) -> None:
    found = looked(well.access("reader"))
    assert failing(found) == dict.fromkeys(ALL, Truth.UNKNOWN)
    assert found["node"].observed == "no permission to get nodes at the cluster scope (403, as reader)"
    assert found["runtime-classes"].observed == (
        "no permission to list runtimeclasses.node.k8s.io at the cluster scope (403, as reader)"
    )


def test_a_kubeconfig_of_another_cluster_is_no_word_about_the_node(well: ApiServer) -> None:
    of_another = looked(well.access(authority=new_authority("another")))
    assert failing(of_another) == dict.fromkeys(ALL, Truth.UNKNOWN)
    assert "shows a certificate that this kubeconfig does not trust" in of_another["node"].observed
    stranger = looked(well.access("no such token"))
    assert failing(stranger) == dict.fromkeys(ALL, Truth.UNKNOWN)
    assert "does not accept these credentials (401)" in stranger["node"].observed


def test_by_a_door_the_certificate_must_still_name_the_endpoint(well: ApiServer) -> None:
    access = well.access()
    keys = json.loads(access.kubeconfig)
    for endpoint, holds in ((GUEST_SEES, True), ("10.9.9.9", False)):
        keys["clusters"][0]["cluster"]["server"] = f"https://{endpoint}:6443"
        by_door = replace(access, kubeconfig=json.dumps(keys).encode(), door=("127.0.0.1", well.port))
        found = looked(by_door)
        assert found["node"].truth is (Truth.TRUE if holds else Truth.UNKNOWN), found["node"].observed


def test_a_spin_application_is_no_kind_until_its_operator_is_installed(well: ApiServer) -> None:
    deadline = Deadline.after(WITHIN)
    with closing(KubernetesApi(lambda _: well.access())) as api:
        with pytest.raises(NoSuchKind, match="SpinApp is no kind of this cluster"):
            api.spin_app("default", "hello", deadline)
        well.install("spinapp")
        assert api.spin_app("default", "hello", deadline) is None
        status = {"readyReplicas": 1, "conditions": [made.status("Available", "True", "MinimumReplicasAvailable")]}
        spec = {"image": "registry.invalid/hello:1", "executor": "containerd-shim-spin", "replicas": 1}
        well.make(
            kinds.SPIN_APP, {"metadata": {"name": "hello", "namespace": "default"}, "spec": spec, "status": status}
        )
        app = api.spin_app("default", "hello", deadline)
        assert app is not None
        assert (app.replicas, app.ready_replicas, app.conditions["Available"].status) == (1, 1, "True")
        assert api.handlers(made.NODE, deadline) == ("", "spin")
        assert api.runtime_class("wasmtime-spin-v2", deadline) == "spin"
