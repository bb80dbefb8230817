"""Building the node's programs: for guest and host, once for one source, anew after an edit; with Go's stand-in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import fake_go

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import gonode, host
from hil.tools.cache import Cache
from hil.tools.gonode import Program, built, guest_program, node_program, source_digest, talos_version
from hil.tools.progress import Step, quiet

WITHIN = 20.0


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return fake_go.install(tmp_path, monkeypatch)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small module in place of the real one."""
    folder = tmp_path / "fixtures/node"
    (folder / "cmd/machined").mkdir(parents=True)
    (folder / "cmd/machined/main.go").write_text("package main\n")
    shutil.copy(gonode.module() / "go.mod", folder)
    monkeypatch.setattr(gonode, "shipped", lambda name: tmp_path / name)
    return folder


def test_guest_and_host_programs_are_built_once_each(log: Path, module: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    steps: list[Step] = []
    guest = guest_program("machined", cache, progress=steps.append, deadline=Deadline.after(WITHIN))
    node_program("machined", cache, progress=quiet, deadline=Deadline.after(WITHIN))
    assert guest_program("machined", cache, progress=quiet, deadline=Deadline.after(WITHIN)) == guest
    first, second = log.read_text().splitlines()
    flags = "-trimpath -buildvcs=false -tags=grpcnotrace -ldflags=-s -w -buildid= -o"
    assert first.startswith(f"{module} -mod=readonly -modcacherw local 0 arm64 build {flags} ")
    assert first.endswith(" ./cmd/machined")
    assert "local 0 a" in second
    assert steps[0].what == "building machined for arm64 with Go 1.26.8"
    entry = cache.entry("node-machined-arm64")
    assert entry is not None
    assert entry.facts == {"version": "v1.13.9", "go": "1.26.8"}


def test_a_look_up_needs_no_go(log: Path, module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "cache")
    program = guest_program("machined", cache, progress=quiet, deadline=Deadline.after(WITHIN))
    monkeypatch.setenv("PATH", "")
    assert built(Program("machined", "arm64"), cache) == program


def test_each_edit_is_seen_and_a_test_is_none(module: Path) -> None:
    before = source_digest(module)
    (module / "cmd/machined/main_test.go").write_text("package main\n")
    (module / "cmd/machined/testdata").mkdir()
    (module / "cmd/machined/testdata/config.yaml").write_text("a: 1\n")
    (module / "README.md").write_text("words\n")
    assert source_digest(module) == before
    seen = {before}
    for name, text in {"cmd/machined/main.go": "package main \n", "go.sum": "x\n", "hello.yaml": "name: x\n"}.items():
        (module / name).write_text(text)
        seen.add(source_digest(module))
    (module / "hello.yaml").rename(module / "other.yaml")
    assert source_digest(module) not in seen
    assert len(seen) == 4


def test_a_failed_build_has_gos_own_words(
    log: Path, module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAIL", "1")
    with pytest.raises(InfrastructureError, match="talostool of the simulated node could not be built") as caught:
        node_program("talostool", Cache(tmp_path / "cache"), progress=quiet, deadline=Deadline.after(WITHIN))
    assert caught.value.evidence == ("no route to the proxy",)


def test_a_host_that_go_has_no_name_for_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "machine", lambda: "riscv64")
    with pytest.raises(InfrastructureError, match="machined is not built for riscv64"):
        node_program("machined", Cache(tmp_path), progress=quiet, deadline=Deadline.after(WITHIN))


def test_the_version_of_talos_is_the_modules(module: Path) -> None:
    assert talos_version() == "v1.13.9"
    (module / "go.mod").write_text("module x\n\ngo 1.26\n")
    with pytest.raises(InfrastructureError, match="does not name Talos's machinery"):
        talos_version()
    (module / "go.mod").unlink()
    with pytest.raises(InfrastructureError, match=r"go\.mod cannot be read"):
        talos_version()
