"""`hil init`, as a person and as a program meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.trees import SECRET, write_users_tree

from hil.cli.init import command
from hil.errors import ConfigError


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_users_tree(tmp_path / "matchbox")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def everything(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_it_says_what_it_wrote_what_it_could_not_decide_and_what_is_next(tree: Path) -> None:
    before = everything(tree)
    result = run("--matchbox", "matchbox")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("wrote rig.yaml\nwrote tests/test_nodes.py\nwrote .github/workflows/hil.yml\n")
    assert (
        "matchbox/profiles/controlplane.json:5:15: the asset talos/v1.13.9/vmlinuz is not in the tree\n"
        in result.output
    )
    assert "next: name the assets in ./rig.yaml, then: hil boot ./rig.yaml --node worker-1\n" in result.output
    assert "for CI: write requirements-hil.txt" in result.output
    assert SECRET not in result.output
    assert everything(tree) == before
    again = run("--matchbox", "matchbox")
    assert again.exit_code == 0
    assert "kept rig.yaml: it was there already" in again.output
    assert "wrote" not in again.output


def test_a_program_reads_one_document(tree: Path) -> None:
    result = run("--matchbox", "matchbox", "--out", "bench", "--json")
    document = json.loads(result.stdout)
    assert document["schema"] == "hil.init/1"
    assert document["written"] == ["bench/rig.yaml", "bench/tests/test_nodes.py", "bench/.github/workflows/hil.yml"]
    assert document["nodes"]["cp1"] == {
        "group": "cp1",
        "profile": "controlplane",
        "selectors": {"mac": "52:54:00:aa:bb:01"},
        "becomes": "a Talos node, by its console alone",
    }
    assert document["missing_assets"][0] == "talos/v1.13.9/vmlinuz"
    assert {problem["file"] for problem in document["undecided"]} >= {"matchbox/groups/Worker_1.json"}
    assert "data: ../matchbox" in (tree.parent / "bench/rig.yaml").read_text()


def test_a_wrong_tree_writes_nothing(tree: Path) -> None:
    (tree / "profiles/worker.json").write_text("{")
    before = everything(tree.parent)
    result = run("--matchbox", "matchbox")
    assert isinstance(result.exception, ConfigError)
    assert result.exception.exit_code == 2
    assert "matchbox/profiles/worker.json:1:2" in result.exception.message
    assert everything(tree.parent) == before


def test_a_tree_that_is_not_there(tree: Path) -> None:
    assert run("--matchbox", "gone").exit_code == 2
    assert run().exit_code == 2
