"""Faults of the simulated Talos node that need a whole machine, and what a node in one piece is asked, in QEMU.

Which condition each fault turns is `fault_matrix.txt`; here it is what hil makes of it: when it stops, and its words.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from support.rigs import run_hil, write_rig
from support.simnode import make_config
from support.trouble import trouble

from hil.bench import Bench, open_bench
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.errors import NodeError
from hil.images import simnode
from hil.node import Node
from hil.readiness.readiness import Readiness
from hil.services.talos_config import MachineConfig
from hil.tools.cache import Cache
from hil.tools.gonode import talos_version

pytestmark = pytest.mark.boot

LONG = 600.0
HELLO_PORT = 8081


def fault(name: str) -> dict[str, object]:
    return {"kind": "simnode", "fault": [name]}


def unprotected() -> dict[str, object]:
    """The image's files without one of the arguments that Talos insists on."""
    config = simnode.Config.model_validate({"kind": "simnode", "extensions": ()})
    image = simnode.create(config, name="sim", cache=Cache(), deadline=Deadline.after(1800))
    return {
        "kind": "files",
        "kernel": str(image.kernel.path),
        "initrd": [str(asset.path) for asset in image.initrds],
        "args": [argument for argument in image.args if not argument.startswith("slab_nomerge")],
        "expect": {"talos": {}},
    }


def node_with(image: str, **more: object) -> dict[str, object]:
    return {"kind": "qemu", "image": image, "memory": "512MiB", "boot_within": f"{LONG:.0f}s", **more}


HOPELESS = "it cannot become ready any more: "
STAGE = r"talos\.stage +unknown +running +"

ENDS = {
    "panic": (r"the kernel panicked: sysrq triggered crash", r"Kernel panic - not syncing: sysrq triggered crash"),
    "reboot-loop": (
        r"the machine started its firmware for the third time without becoming ready",
        r"reboot: Restarting system",
    ),
    "config-404": (
        HOPELESS + r"the machine configuration cannot be had: failed to download config from"
        r' "http://10\.0\.2\.100:8080/generic\?mac=[0-9a-f-]{17}": failed to download config, status code 404',
        STAGE + r"the machine configuration cannot be had: failed to download…  console",
    ),
    "config-unknown-key": (
        HOPELESS + r"Talos refuses its machine configuration: failed to load config via platform metal: error decoding"
        r" document /v1alpha1/ \(line 1\): unknown keys found during decoding:.{1,3}simnodeUnknownKey: true",
        STAGE + r"Talos refuses its machine configuration: failed to load con…  console",
    ),
    "unprotected": (
        HOPELESS + r"Talos refuses to run: KSPP kernel parameter slab_nomerge is required",
        STAGE + r"Talos refuses to run: KSPP kernel parameter slab_nomerge is…  console",
    ),
}
"""Images whose boot no waiting mends: the error, and a line of what is shown with it."""


@pytest.mark.parametrize("image", ENDS)
@pytest.mark.usefixtures("runtime")
def test_what_no_waiting_mends_ends_a_boot(tmp_path: Path, image: str) -> None:
    message, evidence = ENDS[image]
    made = unprotected() if image == "unprotected" else fault(image)
    rig = write_rig(tmp_path, {"hil": 1, "images": {image: made}, "nodes": {"node1": node_with(image)}})
    done = run_hil("boot", str(rig), cwd=tmp_path, within=LONG)
    found = trouble(done, tmp_path)
    assert found.code == 1
    assert re.match("node error: node1: " + message, found.message), found.message
    assert any(re.search(evidence, line) for line in found.evidence), found.evidence
    verdict, words = found.error
    assert verdict == "failed"
    assert re.match("node1: " + message, words)
    readiness = found.record["readiness"]
    assert isinstance(readiness, dict)
    assert readiness["ready"] is False


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MachineConfig:
    """A configuration that no bench has made, and what opens the node that has it."""
    return make_config(tmp_path_factory.mktemp("made") / "hil", hostname="bare")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, made: MachineConfig) -> Iterator[Bench]:
    """A node for each image; they are off."""
    folder = tmp_path_factory.mktemp("faults")
    maintenance = {
        "kind": "simnode",
        "machine_config": "none",
        "expect": {"talos": {"stage": "maintenance", "extensions": {"hello": "0.1.0"}}},
    }
    rig = {
        "hil": 1,
        "images": {"hang": fault("hang"), "clock-off": fault("clock-off"), "maintenance": maintenance},
        "nodes": {
            "hangs": node_with("hang"),
            "late": node_with("clock-off"),
            "bare": node_with("maintenance", ports=[HELLO_PORT], talos={"talosconfig": str(made.talosconfig)}),
        },
    }
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as runtime:
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        with open_bench(load_rig(write_rig(folder, rig), cwd=folder), artifacts=folder / "records") as bench:
            yield bench


@pytest.fixture
def switched_on(bench: Bench) -> Iterator[Callable[[str], Node]]:
    """Switches a node of the bench on and waits for nothing; it is off afterwards."""
    on: list[Node] = []

    def switch(name: str) -> Node:
        on.append(bench.nodes[name])
        on[0].power.on()
        return on[0]

    yield switch
    for node in on:
        node.power.off()


def until(node: Node, holds: Callable[[Readiness], bool]) -> Readiness:
    """Let the boot go on until what is found of Talos is so."""
    deadline = Deadline.after(LONG)
    while True:
        found = Readiness(node.name, node.asking.sides.talos.look())
        if holds(found):
            return found
        assert not deadline.expired, found
        node.attend(deadline.sooner(0.2))


def test_a_node_that_hangs_says_how_far_it_came(switched_on: Callable[[str], Node]) -> None:
    node = switched_on("hangs")
    node.wire.expect(r"booting Talos v\S{1,40}\s", within=LONG)
    found = node.talos.ready(within=0.5)
    assert not found
    assert not found.stopped, "a hang may still end"
    assert {condition.truth.value for condition in found} == {"unknown"}
    stage = found["talos.stage"]
    assert stage.source == "console"
    assert re.fullmatch(r"its initramfs starts Talos v\S+", stage.observed), found
    with pytest.raises(NodeError, match=r"hangs: not ready within 0\.5 s") as late:
        node.wait_ready(within=0.5)
    assert any(stage.observed in line for line in late.value.evidence), late.value.evidence


def test_a_clock_far_off_is_the_nodes(switched_on: Callable[[str], Node]) -> None:
    node = switched_on("late")
    found = until(node, lambda found: found["talos.api"].truth.value == "false")
    assert re.fullmatch(r"the node's clock is \d+ days behind", found["talos.api"].observed)
    assert {condition.truth.value for condition in found if condition.name != "talos.api"} == {"unknown"}
    with pytest.raises(NodeError, match=r"late: clock skew: the node's clock is wrong") as wrong:
        node.talos.dmesg()
    assert "see why the node has not set its clock" in wrong.value.hint


def test_maintenance_is_what_a_boot_can_come_to_and_a_configuration_ends_it(
    switched_on: Callable[[str], Node], made: MachineConfig
) -> None:
    node = switched_on("bare")
    boot = node.wait_ready(within=LONG)
    assert boot.readiness is not None
    assert boot.readiness["talos.extension.hello"].holds
    # Pinned by what the console says, be that line read before the answer or after it.
    until(node, lambda found: found["talos.api"].observed == "answers in maintenance mode")
    refused = node.talos.ready(within=5.0, stage="running")
    assert not refused
    assert refused["talos.api"].observed == "in maintenance mode, so the talosconfig does not open it"

    with pytest.raises(NodeError, match="unknown keys found during decoding"):
        node.talos.apply_config("version: v1alpha1\nmachine: {nonsense: 1}\n")
    node.talos.apply_config(made.config)
    found = node.talos.ready(
        within=LONG, stable_for=2.0, stage="running", version=talos_version(), hostname="bare", services=["hello"]
    )
    assert found, found
    assert "stable for 2 s" in found.headline
    host, port = node.address(HELLO_PORT)
    with closing(HTTPConnection(host, port, timeout=LONG)) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"hello world\n"
