"""The files that `hil init` writes: a rig that loads, tests that are collected, a workflow with one source."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.session import session
from support.trees import GENERIC, PROFILES, UUID, write_users_tree

from hil.config.rig import Rig, load_rig
from hil.config.source import Findings
from hil.config.tree import YamlScalar, plain_value
from hil.config.yamlpos import compose, decode
from hil.drafting.draft import make_draft
from hil.drafting.files import RIG, TESTS, WORKFLOW, Written, texts, write
from hil.drafting.rig_text import scalar
from hil.drafting.workflow_text import workflow_text
from hil.errors import UsageError
from hil.netboot.user import Config as UserSegment
from hil.shipped import shipped


def written(tmp_path: Path, *, talosconfig: bool = False) -> Rig:
    tree = write_users_tree(tmp_path / "infra" / "matchbox")
    if talosconfig:
        (tree / "talosconfig").write_text("context: lab\n")
    assert write(tmp_path, texts(make_draft(tree, tmp_path))).kept == ()
    return load_rig(tmp_path / RIG, cwd=tmp_path)


def test_the_rig_loads_and_is_what_the_tree_says(tmp_path: Path) -> None:
    rig = written(tmp_path)
    assert isinstance(rig.segment, UserSegment)
    assert (rig.segment.subnet, str(rig.segment.bench)) == ("10.1.2.0/24", "10.1.2.3:8080")
    assert rig.matchbox.data == tmp_path / "infra/matchbox"
    assert list(rig.nodes) == ["worker-1", "cp1", "default", "worker2"]
    assert rig.nodes["worker-1"].serial == "007"
    assert rig.nodes["cp1"].mac == "52:54:00:aa:bb:01"
    assert rig.nodes["worker2"].uuid == UUID
    assert (rig.nodes["cp1"].devices(), rig.nodes["worker2"].devices()) == (("/dev/nvme0n1",), ("/dev/mmcblk0",))
    assert rig.nodes["cp1"].expect is None


def test_with_a_talosconfig_talos_is_asked(tmp_path: Path) -> None:
    rig = written(tmp_path, talosconfig=True)
    worker, cp1 = rig.nodes["worker2"], rig.nodes["cp1"]
    assert worker.expect is not None
    assert worker.expect.talos is not None
    assert (worker.expect.talos.version, worker.expect.talos.services) == ("v1.13.9", ("tailscale",))
    assert worker.expect.spin is not None
    assert worker.expect.tailscale is None
    assert cp1.expect is not None
    assert cp1.expect.talos is not None
    assert cp1.expect.talos.hostname == "cp1"
    assert worker.talos.talosconfig == tmp_path / "infra/matchbox/talosconfig"


def test_each_value_has_its_place_beside_it(tmp_path: Path) -> None:
    written(tmp_path)
    lines = (tmp_path / RIG).read_text().splitlines()
    for value, place in (
        ("bench: 10.1.2.3:8080", "profiles/controlplane.json:11"),
        ("mac: 52:54:00:aa:bb:01", "groups/cp1.json:5"),
        ('serial: "007"', "groups/Worker_1.json:5"),
        ("disks: nvme", "generic/controlplane.yaml:11 installs to /dev/nvme0n1"),
        ("talos/v1.13.9/vmlinuz:", "profiles/controlplane.json:5, profiles/worker.json:5"),
    ):
        [line] = [line for line in lines if value in line]
        assert line.endswith(f"# {place}")
    assert all(len(line) <= 119 for line in lines)


def test_the_asset_list_is_right_once_it_is_filled_in(tmp_path: Path) -> None:
    written(tmp_path)
    text = (tmp_path / RIG).read_text()
    head, _, rest = text.partition("  # assets:")
    block, _, tail = f"  # assets:{rest}".partition("\n\n")
    filled = re.sub("^  # ", "  ", block, flags=re.MULTILINE)
    for key, value in (("url:", "url: http://host/file"), ("sha256:", f"sha256: '{'0' * 64}'")):
        filled = filled.replace(key, value)
    (tmp_path / RIG).write_text(f"{head}{filled}\n\n{tail}")
    assets = load_rig(tmp_path / RIG, cwd=tmp_path).matchbox.assets
    assert assets is not None
    assert list(assets.files) == ["talos/v1.13.9/vmlinuz", "talos/v1.13.9/initramfs.xz", "rescue/linux"]


@pytest.mark.boot
def test_the_tests_are_collected_with_the_rig(tmp_path: Path) -> None:
    written(tmp_path, talosconfig=True)
    status, printed, _ = session(tmp_path, f"--rig=./{RIG}", TESTS, "--collect-only", "-q")
    assert status == 0, printed
    assert [line for line in printed.splitlines() if "::" in line] == [
        f"{TESTS}::test_worker_becomes_a_talos_node[worker-1]",
        f"{TESTS}::test_worker_becomes_a_talos_node[worker2]",
        f"{TESTS}::test_worker_serves_webassembly[worker-1]",
        f"{TESTS}::test_worker_serves_webassembly[worker2]",
        f"{TESTS}::test_worker_is_in_its_tailnet[worker-1]",
        f"{TESTS}::test_worker_is_in_its_tailnet[worker2]",
        f"{TESTS}::test_controlplane_becomes_a_talos_node",
        f"{TESTS}::test_controlplane_is_in_its_tailnet",
        f"{TESTS}::test_rescue_becomes_ready",
    ]


def test_one_node_needs_no_marker(tmp_path: Path) -> None:
    tree = write_users_tree(tmp_path / "tree", groups={"a": {"profile": "rescue"}})
    text = texts(make_draft(tree, tmp_path))[TESTS]
    assert "pytest.mark" not in text
    assert "import pytest" not in text
    assert "def test_rescue_becomes_ready(node):" in text


def test_the_workflow_is_the_one_that_ships(tmp_path: Path) -> None:
    ours = (shipped("fixtures") / "ci" / "github-arm64.yml").read_text().splitlines()
    users = workflow_text(rig=RIG, tests=TESTS).splitlines()
    assert len(ours) == len(users)
    changed = [new for old, new in zip(ours, users, strict=True) if old != new]
    assert [line.strip().partition(" ")[0] for line in changed] == ["#", "#", "HIL_RIG:", "run:"]
    assert changed[2] == '  HIL_RIG: "rig.yaml"'
    assert changed[3].strip().startswith("run: pytest tests/test_nodes.py --rig")


def test_a_folder_behind_a_link_still_finds_the_tree(tmp_path: Path) -> None:
    tree = write_users_tree(tmp_path / "infra" / "tree")
    (tree / "talosconfig").write_text("context: lab\n")
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "real" / "deep")
    (tmp_path / "matchbox").symlink_to(tree)
    write(tmp_path / "out", texts(make_draft(tmp_path / "matchbox", tmp_path / "out")))
    rig = load_rig(tmp_path / "out" / RIG, cwd=tmp_path)
    assert "data: ../../matchbox" in (tmp_path / "out" / RIG).read_text()
    assert rig.matchbox.data is not None
    assert rig.matchbox.data.samefile(tree)


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    tree = write_users_tree(tmp_path / "tree")
    (tmp_path / RIG).write_text("mine")
    files = texts(make_draft(tree, tmp_path))
    assert write(tmp_path, files) == Written((TESTS, WORKFLOW), (RIG,))
    assert write(tmp_path, files) == Written((), (RIG, TESTS, WORKFLOW))
    assert (tmp_path / RIG).read_text() == "mine"


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("a file")
    with pytest.raises(UsageError, match=r"test_nodes.py cannot be written: .*; written so far: rig.yaml"):
        write(tmp_path, {RIG: "", TESTS: ""})


def test_the_same_tree_gives_the_same_files(tmp_path: Path) -> None:
    first, second = (
        texts(make_draft(write_users_tree(tmp_path / name / "tree"), tmp_path / name)) for name in ("a", "b")
    )
    assert first == second


def test_names_of_any_kind_give_a_rig_that_loads_and_tests_that_compile(tmp_path: Path) -> None:
    names = ['a"b', "x\n# y", "class", "日本", "null", "1e3", "a: b", "{x}", "-", "'''"]
    groups = {name: {"profile": name, "selector": {"serial": f"S{n}"}} for n, name in enumerate(names)}
    profiles = dict.fromkeys(names, PROFILES["rescue"])
    tree = write_users_tree(tmp_path / 'my "tree" #1: x', groups=groups, profiles=profiles, generic=GENERIC)
    files = texts(make_draft(tree, tmp_path))
    write(tmp_path, files)
    assert len(load_rig(tmp_path / RIG, cwd=tmp_path).nodes) == len(names)
    tests = [node.name for node in ast.walk(ast.parse(files[TESTS])) if isinstance(node, ast.FunctionDef)]
    assert len(set(tests)) == len(tests) == len(names)


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30))
def test_a_text_is_that_text_again(text: str) -> None:
    source = decode("t", f"key: {scalar(text)}\n".encode())
    node = compose(source, Findings(source), {}).entries["key"].node
    assert isinstance(node, YamlScalar)
    assert node.value == text
    assert isinstance(plain_value("007"), int)
