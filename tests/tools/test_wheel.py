"""Wheels are fetched in their exact version for the machine that is asked for; with a stand-in for uv."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import host
from hil.tools.wheel import Wheel

WITHIN = 20.0
THING = Wheel("thing-bin", "1.2.3", {"x86_64": "a" * 64, "aarch64": "b" * 64})
FAKE = """#!/bin/sh
echo "$@" >"$FAKE_SAID"
for last; do :; done
cat "$last" >>"$FAKE_SAID"
while [ "$1" != --target ]; do shift; done
mkdir "$2"
"""


def install_fake(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    """A program of that name beside the interpreter, and the file with what it was told."""
    programs = folder / "venv/bin"
    programs.mkdir(parents=True)
    (programs / name).write_text(FAKE)
    (programs / name).chmod(0o755)
    monkeypatch.setattr("sys.executable", str(programs / "python"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("FAKE_SAID", str(folder / "said"))
    monkeypatch.setattr(host, "machine", lambda: "x86_64")
    return folder / "said"


def unpack(folder: Path, machine: str) -> str:
    return THING.unpack(folder, machine=machine, instead="go without", deadline=Deadline.after(WITHIN))


def test_this_hosts_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = install_fake(tmp_path, monkeypatch, "uv")
    assert unpack(tmp_path / "thing", "x86_64") == "fetched by uv, digest checked"
    assert f"thing-bin==1.2.3 --hash=sha256:{'a' * 64}" in said.read_text()
    assert "--require-hashes" in said.read_text()
    assert "platform" not in said.read_text()


@pytest.mark.parametrize(
    ("installer", "platform"),
    [("uv", "--python-platform aarch64-manylinux2014"), ("python", "--platform manylinux2014_aarch64")],
)
def test_another_machines_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: str, platform: str
) -> None:
    said = install_fake(tmp_path, monkeypatch, installer)
    unpack(tmp_path / "thing", "aarch64")
    assert f"{platform} --only-binary :all:" in said.read_text()
    assert f"--hash=sha256:{'b' * 64}" in said.read_text()


def test_there_is_none_for_every_machine(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="no wheel of thing-bin for riscv64") as caught:
        unpack(tmp_path / "thing", "riscv64")
    assert caught.value.hint == "go without"


def test_what_could_not_be_fetched_says_the_fetchers_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_fake(tmp_path, monkeypatch, "uv")
    (tmp_path / "venv/bin/uv").write_text("#!/bin/sh\necho no such index\nexit 2\n")
    with pytest.raises(InfrastructureError, match=r"thing-bin==1\.2\.3 could not be fetched") as caught:
        unpack(tmp_path / "thing", "x86_64")
    assert caught.value.evidence == ("no such index",)
    assert "or go without" in caught.value.hint
