"""The slow tier: each pinned service is built again from nothing, and says the version that it is pinned to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.tools import gobuild, gotool, programs
from hil.tools.cache import Cache
from hil.tools.digest import file_digest
from hil.tools.progress import quiet

BUILD_WITHIN = 1200.0
EM_AARCH64 = 183  # linux/elf-em.h; a program's machine is at byte 18 (elf(5))


def rebuilt(cache: Path, service: gobuild.Service = gobuild.MATCHBOX) -> Path:
    return gobuild.build(service, Cache(cache), progress=quiet, deadline=Deadline.after(BUILD_WITHIN))


def test_matchbox_is_built_from_its_pin_and_twice_the_same(tmp_path: Path) -> None:
    first, second = rebuilt(tmp_path / "one"), rebuilt(tmp_path / "another cache")
    said = subprocess.run([first, "-version"], capture_output=True, text=True, check=True)
    assert gobuild.MATCHBOX.version in said.stdout + said.stderr
    assert file_digest(first) == file_digest(second)


def test_matchbox_is_built_by_the_go_of_the_wheel_where_the_host_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("HIL_GO", raising=False)
    program = rebuilt(tmp_path)
    go = gotool.find_go(gobuild.MATCHBOX.module, Cache(tmp_path), deadline=Deadline.after(60))
    assert go is not None
    assert go.path.is_relative_to(tmp_path)
    assert program.stat().st_size > 5_000_000


@pytest.mark.parametrize(
    ("service", "command"),
    [(gobuild.HEADSCALE, "version"), (gobuild.TAILSCALED, "--version")],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_tailnets_programs_are_built_from_their_pins_as_in_the_cache(
    service: gobuild.Service, command: str, tmp_path: Path
) -> None:
    program = rebuilt(tmp_path, service)
    said = subprocess.run([program, command], capture_output=True, text=True, check=True)
    assert service.version.lstrip("v") in said.stdout
    assert file_digest(program) == file_digest(programs.pinned(service, ensure=True))


@pytest.mark.parametrize("service", [gobuild.TAILSCALED, gobuild.CONTAINERBOOT], ids=lambda service: service.name)
def test_a_nodes_tailscale_is_for_its_machine(service: gobuild.Service) -> None:
    program = programs.pinned(service.for_machine("arm64"), ensure=True)
    assert int.from_bytes(program.read_bytes()[18:20], "little") == EM_AARCH64
