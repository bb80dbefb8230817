"""`hil rig`, as a person and as a program meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.cli.rig import command
from hil.errors import ConfigError, UsageError
from hil.shipped import shipped

VIRT = (shipped("rigs") / "virt.yaml").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in, with one rig that is right and one that is not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rigs").mkdir()
    (tmp_path / "rigs" / "mine.yaml").write_text(VIRT.replace("node1:", "left: {kind: qemu, image: probe}\n  right:"))
    (tmp_path / "rigs" / "wrong.yml").write_text("hil: 1\nnodes: {}\n")
    (tmp_path / "rigs" / "notes.txt").write_text("no rig\n")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_check_says_what_is_there(folder: Path) -> None:
    result = run("check", "virt", "rigs/mine.yaml")
    assert result.exit_code == 0
    assert result.stdout == (
        "virt: ok: 1 node (qemu), segment user\nrigs/mine.yaml: ok: 2 nodes (qemu), segment user\n"
    )


def test_check_reports_the_problems_of_all_files(folder: Path) -> None:
    (folder / "other.yaml").write_text("- a\n")
    result = run("check", "rigs/wrong.yml", "virt", "other.yaml")
    assert result.stdout == "virt: ok: 1 node (qemu), segment user\n"
    assert isinstance(result.exception, ConfigError)
    assert [(problem.file, problem.line) for problem in result.exception.problems] == [
        ("rigs/wrong.yml", 2),
        ("other.yaml", 1),
    ]
    assert result.exception.exit_code == 2


def test_check_for_a_program(folder: Path) -> None:
    result = run("check", "--json", "rigs/wrong.yml", "virt")
    document = json.loads(result.stdout)
    assert list(document) == ["schema", "files"]
    assert document["schema"] == "hil.rig-check/1"
    wrong, right = document["files"]
    assert wrong == {
        "file": "rigs/wrong.yml",
        "ok": False,
        "problems": [
            {
                "file": "rigs/wrong.yml",
                "line": 2,
                "column": 1,
                "text": "nodes: {}",
                "message": "a rig needs at least one node",
                "hint": "add a node below `nodes:`",
            }
        ],
    }
    assert right["ok"]
    assert right["nodes"] == {"node1": {"kind": "qemu", "image": "simnode-gateway"}}
    assert isinstance(result.exception, ConfigError)


def test_check_of_a_right_file_for_a_program(folder: Path) -> None:
    result = run("check", "--json", "virt")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["files"][0]["problems"] == []


def test_check_of_no_file(folder: Path) -> None:
    assert run("check").exit_code == 2
    assert isinstance(run("check", "none.yaml").exception, UsageError)


def test_list(folder: Path) -> None:
    result = run("list")
    assert result.exit_code == 0
    lines = {line.split("  ")[0]: line for line in result.stdout.splitlines()}
    assert list(lines)[-2:] == ["rigs/mine.yaml", "rigs/wrong.yml"]
    about = "QEMU virt machine that boots a simulated Talos node with Tailscale and Spin"
    assert f"2 nodes (qemu), segment user: one {about}  (rigs/mine.yaml)" in lines["rigs/mine.yaml"]
    assert "not usable: 1 problem; see `hil rig check rigs/wrong.yml`" in lines["rigs/wrong.yml"]
    assert any(name.startswith("virt") and str(shipped("rigs") / "virt.yaml") in line for name, line in lines.items())


def test_list_for_a_program(folder: Path) -> None:
    document = json.loads(run("list", "--json").stdout)
    assert list(document) == ["schema", "rigs"]
    assert document["schema"] == "hil.rig-list/1"
    rigs = {rig["name"]: rig for rig in document["rigs"]}
    assert rigs["virt"]["ok"]
    assert rigs["virt"]["nodes"] == {"node1": {"kind": "qemu", "image": "simnode-gateway"}}
    assert rigs["rigs/mine.yaml"]["rig"] == "mine"
    assert not rigs["rigs/wrong.yml"]["ok"]
    assert "a rig needs at least one node" in rigs["rigs/wrong.yml"]["reason"]


def test_a_rig_whose_kind_is_not_installed_is_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "site" / "hil_stub_broken-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: hil-stub-broken\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[hil.machines]\nbroken = hil_stub_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(package.parent))
    (folder / "rigs" / "wrong.yml").write_text(VIRT.replace("kind: qemu", "kind: broken"))
    assert "not usable: the kind 'broken' (hil.machines) cannot be loaded" in run("list").stdout


def test_a_shipped_rig_is_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shipped("rigs").parent)
    assert run("list").stdout.count("virt.yaml") == 1


def test_schema_of_what_is_installed_or_ships(folder: Path) -> None:
    shown = run("schema")
    assert shown.exit_code == 0
    document = json.loads(shown.stdout)
    assert "qemu" in document["$defs"]["node"]["properties"]["kind"]["anyOf"][0]["enum"]
    assert run("schema", "--shipped", "--out", "here.json").stdout == ""
    assert (folder / "here.json").read_text() == (shipped("rigs") / "rig.schema.json").read_text()


def test_schema_that_cannot_be_written(folder: Path) -> None:
    result = run("schema", "--out", "no/such.json")
    assert isinstance(result.exception, UsageError)
    assert result.exception.message == "no/such.json cannot be written: No such file or directory"


def test_a_rig_on_the_bench_twin_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    twins = {row["name"]: row["twin"] for row in json.loads(run("list", "--json").stdout)["rigs"]}
    assert {name for name, twin in twins.items() if twin} == {"board-twin", "cm4-twin", "turingpi2-twin"}
    assert "1 node (board), segment bridge, on the bench twin: one" in run("list").stdout
