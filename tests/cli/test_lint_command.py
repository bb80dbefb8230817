"""`hil lint config`, as a person and as a program meet it; talostool's words are recorded ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import fake_talostool
from support.fake_talostool import RECORDED
from support.rigs import write_rig

from hil.cli.lint import command
from hil.errors import ConfigError, InfrastructureError
from hil.tools import gonode

UNBUILT = InfrastructureError("go said no", hint="install Go", evidence=["no route to the proxy"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in, with recorded configurations; talostool says what it said of them."""
    program = fake_talostool.install(tmp_path)
    monkeypatch.setattr(gonode, "node_program", lambda name, cache, *, progress, deadline: program)
    for name in ("right", "misspelt-section", "deprecated", "kernel-arguments"):
        (tmp_path / f"{name}.yaml").write_bytes((RECORDED / f"{name}.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def without_talos(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, cache: object, *, progress: object, deadline: object) -> Path:
        raise UNBUILT

    monkeypatch.setattr(gonode, "node_program", fail)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["config", *arguments])


def test_a_right_file_is_ok(folder: Path) -> None:
    result = run("right.yaml")
    assert result.exit_code == 0
    assert result.stdout == "right.yaml: ok: v1alpha1.Config, HostnameConfig, ExtensionServiceConfig/tailscale\n"


def test_the_errors_of_all_files_are_one_error(folder: Path) -> None:
    result = run("misspelt-section.yaml", "right.yaml", "kernel-arguments.yaml")
    assert result.stdout.startswith("right.yaml: ok: ")
    assert isinstance(result.exception, ConfigError)
    assert result.exception.exit_code == 2
    assert [(problem.file, problem.line, problem.column) for problem in result.exception.problems] == [
        ("misspelt-section.yaml", 8, 5),
        ("kernel-arguments.yaml", 11, 9),
    ]
    assert "hil lint config" in result.exception.hint


def test_a_warning_is_shown_and_fails_only_when_strict(folder: Path) -> None:
    result = run("deprecated.yaml")
    assert result.exit_code == 0
    assert "deprecated.yaml:11:9: warning: .machine.install.extensions is deprecated" in result.stdout
    assert "deprecated.yaml: ok: " in result.stdout
    assert isinstance(run("--strict", "deprecated.yaml").exception, ConfigError)


def test_for_a_program(folder: Path) -> None:
    result = run("--json", "misspelt-section.yaml", "right.yaml")
    document = json.loads(result.stdout)
    assert list(document) == ["schema", "talos", "not_asked_because", "files"]
    assert (document["schema"], document["not_asked_because"]) == ("hil.lint/1", None)
    assert document["talos"] == gonode.talos_version()
    wrong, right = document["files"]
    assert (wrong["file"], wrong["ok"], right["ok"], right["findings"]) == ("misspelt-section.yaml", False, True, [])
    assert right["documents"][2] == {"kind": "ExtensionServiceConfig", "name": "tailscale"}
    assert wrong["findings"] == [
        {
            "severity": "error",
            "rule": "talos-decode",
            "line": 8,
            "column": 5,
            "words": "instal:",
            "message": 'Talos knows no key "instal" here',
            "hint": "did you mean 'install'?",
        }
    ]
    assert isinstance(result.exception, ConfigError)


@pytest.mark.usefixtures("without_talos")
def test_without_talos_what_was_found_is_said_and_that_talos_was_not_asked() -> None:
    result = run("kernel-arguments.yaml", "right.yaml")
    assert result.stdout.startswith("right.yaml: ok by hil's own checks: ")
    error = result.exception
    assert isinstance(error, InfrastructureError)
    assert error.exit_code == 3
    assert "was not asked" in error.message
    assert "go said no" in error.message
    assert error.hint == "install Go"
    assert "no route to the proxy" in error.evidence
    assert any(line.startswith("kernel-arguments.yaml:11:9: error: ") for line in error.evidence)


@pytest.mark.usefixtures("without_talos")
def test_without_talos_a_right_file_is_not_called_right() -> None:
    result = run("--json", "right.yaml")
    document = json.loads(result.stdout)
    assert (document["talos"], document["not_asked_because"]) == (None, "go said no")
    assert isinstance(result.exception, InfrastructureError)


@pytest.mark.parametrize("name", ["nothing.yaml", "."])
def test_a_file_that_is_none_is_a_usage_error(name: str, folder: Path) -> None:
    result = run(name)
    assert result.exit_code == 2
    assert name in result.stderr


def test_help_says_what_the_exit_codes_mean() -> None:
    result = run("--help")
    assert "Exit code 2" in result.stdout


def test_a_disk_is_compared_with_those_of_a_rigs_nodes(folder: Path) -> None:
    nodes = {"n": {"kind": "qemu", "disks": "nvme", "ready": {"console": "x"}}}
    (folder / "tree").mkdir()
    write_rig(folder, {"hil": 1, "matchbox": {"data": "tree"}, "nodes": nodes})
    result = run("--rig", "./rig.yaml", "right.yaml")
    assert result.exit_code == 0
    assert (
        "right.yaml:9:15: warning: /dev/vda is a disk of no node: n has /dev/nvme0n1 [install-disk]" in result.stdout
    )
    nodes["n"]["disks"] = "virtio"
    write_rig(folder, {"hil": 1, "matchbox": {"data": "tree"}, "nodes": nodes})
    assert "install-disk" not in run("--rig", "./rig.yaml", "right.yaml").stdout
