"""Building a pinned service: its flags, built once, another module another build; with a stand-in for Go."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support import fake_go

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import gobuild
from hil.tools.cache import Cache
from hil.tools.gobuild import CONTAINERBOOT, HEADSCALE, MATCHBOX, TAILSCALED, Service, build, built
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


def test_several_programs_of_one_module_for_another_machine(log: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    guest = TAILSCALED.for_machine("arm64")
    steps: list[Step] = []
    programs = {
        service.entry: build(service, cache, progress=steps.append, deadline=Deadline.after(WITHIN))
        for service in (TAILSCALED, guest, CONTAINERBOOT.for_machine("arm64"))
    }
    assert list(programs) == ["tailscaled", "tailscaled-arm64", "containerboot-arm64"]
    assert [path.name for path in programs.values()] == ["tailscaled", "tailscaled", "containerboot"]
    here, there, boot = log.read_text().splitlines()
    assert all("fixtures/services/tailscale " in line for line in (here, there, boot))
    assert (" host build " in here, " arm64 build " in there, " arm64 build " in boot) == (True, True, True)
    assert "-tags=ts_include_cli,ts_omit_ace,ts_omit_acme," in there
    assert "-tags" not in boot
    assert "longStamp=1.102.3 -X tailscale.com/version.shortStamp=1.102.3" in there
    assert steps[1].what == "building tailscaled v1.102.3 for arm64 with Go 1.26.8 (one to two minutes)"


def test_other_tags_are_another_build(log: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    build(TAILSCALED, cache, progress=quiet, deadline=Deadline.after(WITHIN))
    assert built(replace(TAILSCALED, tags=()), cache) is None
    assert built(TAILSCALED.for_machine("arm64"), cache) is None


@pytest.mark.parametrize("service", [MATCHBOX, HEADSCALE, TAILSCALED, CONTAINERBOOT], ids=lambda service: service.name)
def test_go_mod_pins_what_the_code_says(service: Service) -> None:
    text = (service.module / "go.mod").read_text()
    module, _, _ = service.package.partition("/cmd/")
    assert f"{module} {service.version}" in text
    assert re.search(rf"^(tool |\t){re.escape(service.package)}$", text, re.MULTILINE)
    assert {stamp.partition("=")[2].lstrip("v") for stamp in service.stamps} <= {service.version.lstrip("v")}
    assert needed_go(service.module) <= WHEEL_VERSION
