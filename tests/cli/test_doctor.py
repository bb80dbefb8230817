"""`hil doctor`: the table, the JSON, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli import doctor
from hil.errors import InfrastructureError
from hil.netboot.bridge import refusal
from hil.tools import inventory, programs
from hil.tools.inventory import Found, Tool
from hil.tools.progress import Progress, Step


@pytest.fixture(autouse=True)
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What is on the bench; a test adds to it."""
    present = {"qemu"}

    def finder(name: str) -> Callable[[bool, Progress], Found]:
        def find(ensure: bool, progress: Progress) -> Found:
            if ensure and name != "unreachable":
                progress(Step("building it"))
                present.add(name)
            if name not in present:
                raise InfrastructureError(f"{name} is not here", hint="h")
            return Found(f"/path/of/{name}", "" if name == "qemu" else "v1")

        return find

    tools = [
        Tool("qemu", "runs the guest", ">= 7.2", finder("qemu"), "qemu-system-arm", ("HIL_QEMU",)),
        Tool("matchbox", "boots", "v1", finder("matchbox"), "", ("HIL_MATCHBOX",)),
        Tool("unreachable", "for a test", "any", finder("unreachable"), required=False),
    ]
    monkeypatch.setattr(inventory, "tools", lambda: tools)
    monkeypatch.setattr(refusal, "ask_host", lambda *, deadline: "works, as root")
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HIL_QEMU", "/path/of/qemu")
    monkeypatch.delenv("HIL_MATCHBOX", raising=False)
    return present


def test_the_table_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(doctor.command)
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["ok", "qemu", "version", "unknown", ">=", "7.2", "runs", "the", "guest"]
    assert lines[2:4] == ["     /path/of/qemu", "     HIL_QEMU is set"]
    assert lines[4].split() == ["NO", "matchbox", "missing", "v1", "boots"]
    assert lines[5:8] == [
        "     matchbox is not here",
        "     get it: hil doctor --fix",
        "     or name yours: HIL_MATCHBOX=PATH",
    ]
    assert lines[8].split()[:3] == ["--", "unreachable", "missing"]
    assert f"cache:            {tmp_path}/cache" in lines
    assert isinstance(done.exception, InfrastructureError)
    assert done.exception.message == "this bench lacks matchbox"
    assert done.exception.hint == "run `hil doctor --fix`"
    assert done.exception.exit_code == 3


def test_fix_gets_it_and_says_so_on_standard_error() -> None:
    done = CliRunner().invoke(doctor.command, ["--fix"])
    assert done.exit_code == 0
    assert "[1/2] matchbox: building it" in done.stderr
    assert "ok matchbox" in done.stdout
    assert "building" not in done.stdout


def test_fix_that_fails_names_the_reason(bench: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tools = inventory.tools()
    needed = Tool("unreachable", "for a test", "any", tools[2].find)
    monkeypatch.setattr(inventory, "tools", lambda: [needed])
    done = CliRunner().invoke(doctor.command, ["--fix"])
    assert isinstance(done.exception, InfrastructureError)
    assert done.exception.evidence == ("unreachable: unreachable is not here",)


def test_json(bench: set[str]) -> None:
    bench.add("matchbox")
    done = CliRunner().invoke(doctor.command, ["--json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert next(iter(document)) == "schema"
    assert (document["schema"], document["ready"]) == ("hil.doctor/1", True)
    assert document["tools"][1] == {
        "name": "matchbox",
        "found": True,
        "required": True,
        "version": "v1",
        "needed": "v1",
        "path": "/path/of/matchbox",
        "for": "boots",
        "get": "hil doctor --fix",
        "variables": {"HIL_MATCHBOX": ""},
        "problem": "",
    }
    assert set(document["host"]) == {"accelerator", "user_namespaces", "tun", "bridge", "cache"}


def test_json_of_a_bench_that_lacks_something() -> None:
    done = CliRunner().invoke(doctor.command, ["--json"])
    assert json.loads(done.stdout)["ready"] is False
    assert isinstance(done.exception, InfrastructureError)


def test_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs_folder = tmp_path / "bin"
    programs_folder.mkdir()
    monkeypatch.setenv("PATH", str(programs_folder))

    def lines(tun: Path) -> str:
        monkeypatch.setattr(doctor, "_TUN", tun)
        return CliRunner().invoke(doctor.command).stdout

    said = lines(tmp_path / "absent")
    assert f"tun:              {tmp_path}/absent is not there" in said
    assert "bridge:           works, as root" in said
    assert "unshare cannot be started" in said
    (programs_folder / "unshare").write_text("#!/bin/sh\necho unshare: not permitted >&2\nexit 1\n")
    (programs_folder / "unshare").chmod(0o755)
    (tmp_path / "tun").touch()
    said = lines(tmp_path / "tun")
    assert "refused (unshare: not permitted): benches then share this host's network" in said
    assert f"{tmp_path}/tun opens" in said
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "is for another user" in lines(tmp_path / "tun")
    (programs_folder / "unshare").write_text("#!/bin/sh\n")
    assert "user namespaces:  allowed" in lines(tmp_path / "tun")


def test_the_accelerator_needs_qemu_and_firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "qemu", lambda: programs.Qemu(Path("/q"), (7, 2, 0)))
    monkeypatch.setattr(programs, "edk2", lambda: programs.Edk2(Path("/c"), Path("/v"), "2022.11"))
    assert "CPU " in CliRunner().invoke(doctor.command).stdout

    def missing() -> programs.Qemu:
        raise InfrastructureError("no QEMU", hint="h")

    monkeypatch.setattr(programs, "qemu", missing)
    assert "not chosen before QEMU and EDK2 are here" in CliRunner().invoke(doctor.command).stdout
