"""A simulated node in the real API server's cluster: it registers, runs a pod by its wasmtime, and answers.

Five levels of Spin and the node's own conditions go true, and each goes false alone. There is no scheduler and no
spin-operator: the test binds the pod and writes the SpinApp's status, as they would.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support import kubernetes_objects as made
from support.kubernetes import GUEST_SEES, VERSION, ApiServer, api_server, base, until
from support.kubernetes_pki import Authority
from support.rigs import write_rig
from support.simnode import program

from hil.bench import open_bench
from hil.clock import Deadline, now_ns
from hil.config.expect.kubernetes import KubernetesExpect
from hil.config.expect.spin import ServesExpect, SpinExpect
from hil.config.rig import load_rig
from hil.images.simnode import CONTROL_PORT
from hil.node.node import Node
from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes import asking, kinds
from hil.readiness.kubernetes.access import from_talos
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.conditions import conditions
from hil.services.talos_config import MachineConfig, generate

pytestmark = pytest.mark.slow

Json = Any
NODE = "node1"
POD, APP, CLASS = "hello-1", "hello", "wasmtime-spin-v2"
PORT = 3080
WITHIN = 600.0
SPIN = SpinExpect(
    runtime_class=CLASS,
    app=f"default/{APP}",
    serves=ServesExpect(path="/hello", port=PORT, body="hello from wasm"),
)
KUBERNETES = KubernetesExpect(version=VERSION, runtime_classes={CLASS: "spin"})
LEVELS = ("extension", "handler", "runtime-class", "app", "http")


@dataclass(frozen=True)
class World:
    """A node that has booted, the cluster that it is in, and what asks that cluster."""

    node: Node
    server: ApiServer
    api: KubernetesApi

    def order(self, method: str, fault: str) -> None:
        """Make something of the node's wrong, or right again."""
        with closing(HTTPConnection(*self.node.address(CONTROL_PORT), timeout=WITHIN)) as connection:
            connection.request(method, f"/faults/{fault}")
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()

    def operate(self) -> None:
        """What spin-operator does: the SpinApp's status is made of its pods'."""
        pod = self.server.ask("GET", f"{base(kinds.POD, 'default')}/{POD}")
        said = pod["status"].get("conditions", [])
        is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in said)
        available = made.status("Available", "True" if is_ready else "False", "MinimumReplicas")
        status = {"readyReplicas": int(is_ready), "conditions": [available]}
        self.server.patch_status(kinds.SPIN_APP, APP, status, namespace="default")

    def in_cluster(self, expect: KubernetesExpect = KUBERNETES) -> dict[str, Condition]:
        """One round of questions about the node in its cluster."""
        facts = asking.ask(self.api, NODE, expect, Deadline.after(60.0))
        return {one.name.partition(".")[2]: one for one in conditions(facts, NODE, expect, 1)}


def authority_of(config: MachineConfig) -> tuple[Authority, str]:
    """The CA and the bootstrap token of a Talos cluster's secrets."""
    secrets = YAML(typ="safe").load(config.secrets.read_bytes())
    pair = secrets["certs"]["k8s"]
    authority = Authority(base64.b64decode(pair["crt"]), base64.b64decode(pair["key"]))
    return authority, secrets["secrets"]["bootstraptoken"]


def rig(config: MachineConfig, port: int, kubeconfig: Path) -> dict[str, Json]:
    image = {
        "kind": "simnode",
        "extensions": ["spin"],
        "control": True,
        "args": ["simnode.kubelet=on"],
        "machine_config": str(config.config),
    }
    node = {
        "kind": "qemu",
        "image": "simnode",
        "memory": "1GiB",
        "boot_within": f"{WITHIN:g}s",
        "ports": [PORT],
        "talos": {"talosconfig": str(config.talosconfig)},
        "kubernetes": {"kubeconfig": str(kubeconfig)},
    }
    egress = [{"at": f"{GUEST_SEES}:6443", "to": f"127.0.0.1:{port}"}]
    segment = {"kind": "user", "egress": egress}
    return {"hil": 1, "segment": segment, "images": {"simnode": image}, "nodes": {NODE: node}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("node")
    config = generate(
        program("talostool"),
        folder / "talos",
        cluster="test",
        hostname=NODE,
        endpoint=f"https://{GUEST_SEES}:6443",
        sans=["127.0.0.1"],
        extension_configs={},
        install_disk="/dev/vda",
        deadline=Deadline.after(60.0),
    )
    authority, token = authority_of(config)
    with ExitStack() as stack:
        # Unix sockets are in it, so it is short.
        runtime = stack.enter_context(tempfile.TemporaryDirectory(prefix="hs-", dir="/tmp"))
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("XDG_RUNTIME_DIR", runtime)
        tokens = {token: (f"system:node:{NODE}", "system:nodes")}
        server = stack.enter_context(api_server(folder / "cluster", authority=authority, tokens=tokens))
        populate(server)
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_bytes(server.access().kubeconfig)
        loaded = load_rig(write_rig(folder, rig(config, server.port, kubeconfig)), cwd=folder)
        bench = stack.enter_context(open_bench(loaded, artifacts=folder / "artifacts"))
        api = stack.enter_context(closing(KubernetesApi(lambda _: server.access())))
        node = bench.nodes[NODE]
        assert node.talos.ready(within=WITHIN)
        world = World(node, server, api)
        until(lambda: running(world), "the pod runs", within=240.0)
        yield world


def populate(server: ApiServer) -> None:
    """What is there before the node: the SpinApp, its pod as operator and scheduler make it, a RuntimeClass."""
    server.install("spinapp")
    server.make(kinds.RUNTIME_CLASS, made.runtime_class(CLASS, "spin"))
    meta = {"name": APP, "namespace": "default"}
    image = "registry.invalid/hello:1"
    spec = {"image": image, "executor": "containerd-shim-spin", "replicas": 1}
    server.make(kinds.SPIN_APP, {"metadata": meta, "spec": spec})
    container = {"name": APP, "image": image, "command": ["/"], "ports": [{"containerPort": PORT}]}
    pod = {"nodeName": NODE, "runtimeClassName": CLASS, "containers": [container]}
    labels = {"core.spinkube.dev/app-name": APP}
    server.make(kinds.POD, {"metadata": {"name": POD, "namespace": "default", "labels": labels}, "spec": pod})


def running(world: World) -> bool:
    pod = world.server.ask("GET", f"{base(kinds.POD, 'default')}/{POD}")
    states = pod["status"].get("containerStatuses", [])
    return bool(states) and all(state["ready"] for state in states)


@pytest.fixture
def well(world: World) -> Iterator[World]:
    """All of it as it should be, before a test and after it."""
    world.server.make(kinds.RUNTIME_CLASS, made.runtime_class(CLASS, "spin"))
    world.server.patch(kinds.SPIN_APP, APP, {"spec": {"replicas": 1}}, namespace="default")
    for fault in ("component-traps", "wrong-runtime-handler", "wasm-runtime-missing"):
        world.order("DELETE", fault)
    until(lambda: running(world), "the pod runs again", within=240.0)
    return world


def failing(found: dict[str, Condition]) -> dict[str, Truth]:
    return {name: one.truth for name, one in found.items() if not one.holds}


def levels(world: World, *false: str, expect: SpinExpect = SPIN, answer: str = "") -> dict[str, Condition]:
    """The levels of Spin, once these are false and all others hold.

    Args:
        world: where.
        false: names of levels.
        expect: what is expected of Spin.
        answer: what the answer of HTTP must have in it by then.
    """
    expected = dict.fromkeys(false, Truth.FALSE)
    probe, began = world.node.asking.sides.spin, now_ns()

    def found() -> dict[str, Condition]:
        return {one.name.partition(".")[2]: one for one in probe.look_for(expect, began)}

    def as_expected() -> bool:
        world.operate()
        there = found()
        return failing(there) == expected and answer in there["http"].observed

    until(as_expected, lambda: (expected, found()), within=120.0)
    return found()


def test_the_node_is_one_in_its_cluster(well: World) -> None:
    found = well.in_cluster()
    assert tuple(found) == ("node", "version", "arch", "runtime-classes", "pods")
    assert failing(found) == {}, found
    assert well.api.handlers(NODE, Deadline.after(60.0)) == ("spin",)
    node = well.server.ask("GET", f"/api/v1/nodes/{NODE}")
    assert node["metadata"]["labels"]["kubernetes.io/arch"] == "arm64"
    lease = well.server.ask("GET", f"{base(kinds.LEASE, 'kube-node-lease')}/{NODE}")
    assert lease["spec"]["holderIdentity"] == NODE


def test_a_test_asks_the_node_as_it_stands(well: World) -> None:
    well.operate()
    found = well.node.kubernetes.ready(within=120.0, version=VERSION, runtime_classes={CLASS: "spin"})
    assert found, found
    found = well.node.spin.ready(within=120.0, runtime_class=CLASS, app=f"default/{APP}", serves=SPIN.serves)
    assert found, found


def test_the_kubeconfig_that_talos_hands_out_opens_the_cluster(well: World) -> None:
    deadline = Deadline.after(60.0)
    talos = well.node.asking.sides.talos.answering
    assert talos is not None
    access = from_talos(talos.kubeconfig(deadline), "127.0.0.1", well.server.port)
    with closing(KubernetesApi(lambda _: access)) as api:
        assert api.handlers(NODE, deadline) == ("spin",)


def test_all_five_levels_of_spin_hold(well: World) -> None:
    assert tuple(levels(well)) == LEVELS


def test_another_version_of_the_extension_is_false_alone(well: World) -> None:
    levels(well, "extension", expect=SPIN.model_copy(update={"extension": "9.9.9"}))


def test_a_handler_that_the_node_does_not_have_is_false_alone(well: World) -> None:
    # Where a RuntimeClass is expected too, it leads to a handler that is not there.
    found = levels(well, "handler", expect=SPIN.model_copy(update={"handler": "spin-v2", "runtime_class": None}))
    assert "spin" in found["handler"].observed


def test_a_runtime_class_with_another_handler_is_false_alone(well: World) -> None:
    well.server.make(kinds.RUNTIME_CLASS, made.runtime_class(CLASS, "spin-v2"))
    levels(well, "runtime-class")
    assert failing(well.in_cluster()) == {"runtime-classes": Truth.FALSE}


def test_an_application_with_too_few_replicas_is_false_alone(well: World) -> None:
    well.server.patch(kinds.SPIN_APP, APP, {"spec": {"replicas": 2}}, namespace="default")
    levels(well, "app")


def test_a_component_that_traps_is_false_alone(well: World) -> None:
    well.order("PUT", "component-traps")
    levels(well, "http", answer="500")
    assert failing(well.in_cluster()) == {}


def pods_say(world: World, words: str) -> None:
    """Wait until the pods alone are not as they should be, for this reason."""

    def said() -> bool:
        found = world.in_cluster()
        return failing(found) == {"pods": Truth.FALSE} and words in found["pods"].observed

    until(said, world.in_cluster, within=120.0)


def test_a_pod_whose_handler_went_waits_with_containerds_words(well: World) -> None:
    well.order("PUT", "wrong-runtime-handler")
    levels(well, "handler", "runtime-class", "app", "http")
    pods_say(well, 'failed to get sandbox runtime: no runtime for "spin" is configured')


def test_a_runtime_that_is_missing_is_a_pod_that_does_not_start(well: World) -> None:
    well.order("PUT", "wasm-runtime-missing")
    levels(well, "app", "http")
    pods_say(well, "no such file or directory")
