"""Building a pinned service: its flags, built once, another module another build; with a stand-in for Go."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import fake_go

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import gobuild
from hil.tools.cache import Cache
from hil.tools.gobuild import MATCHBOX, build, built
from hil.tools.gotool import WHEEL_VERSION, needed_go
from hil.tools.progress import Step, quiet

WITHIN = 20.0


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return fake_go.install(tmp_path, monkeypatch)


def test_it_is_built_once_from_the_pinned_module(log: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert built(MATCHBOX, cache) is None
    steps: list[Step] = []
    program = build(MATCHBOX, cache, progress=steps.append, deadline=Deadline.after(WITHIN))
    assert program.read_text() == "built\n"
    assert build(MATCHBOX, cache, progress=quiet, deadline=Deadline.after(WITHIN)) == program == built(MATCHBOX, cache)
    (line,) = log.read_text().splitlines()
    folder, rest = line.split(" -mod=", 1)
    assert folder.endswith("fixtures/services/matchbox")
    assert rest.startswith("readonly -modcacherw local 0 host build -trimpath ")
    assert "version.Version=v0.11.0" in rest
    assert steps[0].what == "building matchbox v0.11.0 with Go 1.26.8 (half a minute)"
    entry = cache.entry("matchbox")
    assert entry is not None
    assert entry.facts == {"version": "v0.11.0", "go": "1.26.8"}


def test_a_failed_build_has_gos_own_words(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAIL", "1")
    with pytest.raises(InfrastructureError, match=r"matchbox v0\.11\.0 could not be built; go said:") as caught:
        build(MATCHBOX, Cache(tmp_path / "cache"), progress=quiet, deadline=Deadline.after(WITHIN))
    assert caught.value.evidence == ("no route to the proxy",)


def test_another_module_is_another_build(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "cache")
    build(MATCHBOX, cache, progress=quiet, deadline=Deadline.after(WITHIN))
    services = tmp_path / "fixtures/services/matchbox"
    services.mkdir(parents=True)
    (services / "go.mod").write_text("module x\n\ngo 1.24\n")
    (services / "go.sum").write_text("")
    monkeypatch.setattr(gobuild, "shipped", lambda name: tmp_path / name)
    assert built(MATCHBOX, cache) is None


def test_go_mod_pins_what_the_code_says() -> None:
    text = (MATCHBOX.module / "go.mod").read_text()
    assert f"github.com/poseidon/matchbox {MATCHBOX.version}" in text
    assert f"tool {MATCHBOX.package}\n" in text
    assert needed_go(MATCHBOX.module) <= WHEEL_VERSION
