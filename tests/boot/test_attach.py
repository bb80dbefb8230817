"""`attach: true` as its user sees it: a node that runs already, and tests that are skipped for what it lacks.

The node is the simulated one as a process of this host, to which no relay, no meter and no serial line leads; and once
a board of the bench twin that has all three, and whose system is not the rig's.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from support.boards import boards_of
from support.private_nets import needs_taps
from support.rigs import PROBE_RIG, assets_of, run_hil, write_rig, write_tree
from support.session import properties, session
from support.simnode import PATIENCE, hosted, make_config

from hil.bench import open_bench
from hil.config.rig import load_rig
from hil.errors import InfrastructureError
from hil.images.image import Image
from hil.services.talos_config import MachineConfig

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]


@pytest.fixture(scope="module")
def made() -> Iterator[MachineConfig]:
    with tempfile.TemporaryDirectory() as name:
        yield make_config(Path(name) / "hil", extension_configs={})


def rig_of(folder: Path, address: str, made: MachineConfig, expect: Mapping[str, object]) -> None:
    host, _, port = address.rpartition(":")
    board = {
        "kind": "board",
        "attach": True,
        "address": host,
        "talos": {"talosconfig": str(made.talosconfig), "port": int(port)},
        "expect": {"talos": expect},
        "boot_within": f"{PATIENCE:g}s",
    }
    write_rig(folder, {"hil": 1, "nodes": {"rack3": board}})


def test_hil_boot_attaches_and_says_what_holds(tmp_path: Path, made: MachineConfig) -> None:
    with hosted(made.config) as node:
        rig_of(tmp_path, node.address, made, {"hostname": "node1"})
        done = run_hil("boot", "./rig.yaml", cwd=tmp_path)
        assert done.code == 0, done.out + done.err
        assert "board runs already; nothing of it was switched" in done.out
        assert "from when it was attached to; nobody saw its power-on" in done.out
        [folder] = tmp_path.glob("hil-artifacts/*/rack3-boot1")
        record = json.loads((folder / "boot.json").read_text())
        assert (record["verdict"], record["attached"], record["image"]) == ("ready", True, "(its own)")
        assert (record["seconds_to_ready"], record["power"]) == (None, None)

        rig_of(tmp_path, node.address, made, {"hostname": "node2"})
        late = run_hil("boot", "./rig.yaml", "--within", "3", cwd=tmp_path)
        assert late.code == 1, late.out + late.err
        assert "rack3: not ready within 3 s: after " in late.err
        assert "still awaited: ready (talos.hostname: node1: a configuration of another node?)" in late.err


USERS_TESTS = """
    import pytest

    def test_is_ready(node):
        assert node.talos.ready(within=60, hostname="node1")
        assert node.ensure().verdict.value == "ready"

    @pytest.mark.hil(needs=["console"])
    def test_needs_a_console(node): ...

    @pytest.mark.hil(image="probe")
    def test_chooses_an_image(node): ...

    @pytest.mark.hil(cold=True)
    def test_wants_a_boot_of_its_own(node): ...

    def test_switches_it(node):
        node.power.cycle()

    def test_shares_what_was_attached_to(node):
        assert len(node.boots) == 1 and node.booted
"""


def test_tests_that_need_more_are_skipped_with_the_reason(tmp_path: Path, made: MachineConfig) -> None:
    (tmp_path / "test_it.py").write_text(dedent(USERS_TESTS))
    with hosted(made.config) as node:
        rig_of(tmp_path, node.address, made, {"hostname": "node1"})
        status, said, cases = session(tmp_path, "--rig", "./rig.yaml", "-rs")
    assert status == 0, said
    assert "2 passed, 4 skipped" in said
    for reason in (
        "node rack3 has no console, which this test needs",
        "node rack3 runs already and boots its own image, not 'probe'",
        "machine rack3 (board) has no power",
    ):
        assert reason in said
    seen = properties(cases["test_is_ready"])
    assert (seen["hil_image"], seen["hil_verdict"]) == ("(its own)", "ready")
    assert "hil_seconds_to_ready" not in seen


def rig_of_board(folder: Path, image: Image) -> Path:
    """A board of the twin that runs already, and a Matchbox whose default group has a system for it."""
    boot = {
        "kernel": "/assets/kernel",
        "initrd": ["/assets/initramfs.cpio"],
        "args": ["initrd=initramfs.cpio", *image.args],
    }
    data = write_tree(
        folder / "tree",
        groups={"default": {"profile": "own"}},
        profiles={"own": {"boot": boot}},
        assets=assets_of(image),
    )
    rig = boards_of(PROBE_RIG) | {"matchbox": {"data": str(data)}}
    ready = {"console": "Run /init as init process"}
    board = {key: value for key, value in rig["nodes"]["node1"].items() if key != "image"}  # type: ignore[index]
    nodes = {"node1": {**board, "attach": True, "ready": ready}}
    return write_rig(folder, {**rig, "images": {}, "nodes": nodes})


@needs_taps
def test_a_board_that_runs_already_is_switched_by_a_test_alone_and_boots_its_own(
    tmp_path: Path, probe_image: Image
) -> None:
    rig = load_rig(rig_of_board(tmp_path, probe_image), cwd=tmp_path)
    with open_bench(rig, artifacts=tmp_path / "records") as bench:
        node = bench.nodes["node1"]
        with pytest.raises(InfrastructureError, match=r"node1, as it was attached to: relay 1 of .* reads off"):
            node.ensure()
        own = node.power.cycle()
        node.wait_ready(PATIENCE)
        assert (own.image, own.attached) == ("(its own)", False)
        assert own.power is not None
        assert own.power.simulated
        node.leave()
        again = node.begin()
        assert (again.number, again.attached, again.power) == (3, True, None)
        assert (again.folder / "console.log").exists()
