"""What this host is, and how system packages get onto it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import host
from hil.tools.host import Distribution, distribution, install, install_command, parse_os_release
from hil.tools.progress import Step, quiet

BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'
MINT = "# comment\nID=linuxmint\nID_LIKE='ubuntu debian'\nVERSION_CODENAME=wilma\nnonsense\n"


def test_os_release(tmp_path: Path) -> None:
    assert parse_os_release(BOOKWORM) == Distribution("debian", "bookworm", "12", "debian")
    assert parse_os_release(MINT) == Distribution("linuxmint", "wilma", "", "")
    assert distribution(tmp_path) == Distribution("", "", "", "")
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text(BOOKWORM)
    assert distribution(tmp_path).codename == "bookworm"


@given(st.text(max_size=100))
def test_any_text_is_a_distribution(text: str) -> None:
    assert parse_os_release(text).family in ("", "debian", "ubuntu")


def test_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "machine", lambda: "aarch64")
    assert host.debian_architecture() == "arm64"
    monkeypatch.setattr(host, "machine", lambda: "riscv64")
    with pytest.raises(InfrastructureError, match="this machine is riscv64"):
        host.debian_architecture()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to("/bin/sh")
    (folder / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    return folder


def stub(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_without_apt(programs: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"system packages are missing: a b; this host has no apt"):
        install(["a", "b"], progress=quiet, deadline=Deadline.after(10))


@pytest.mark.parametrize("sudo", ["", "exit 1"])
def test_without_rights(programs: Path, monkeypatch: pytest.MonkeyPatch, sudo: str) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    stub(programs, "apt-get", "exit 99")
    if sudo:
        stub(programs, "sudo", sudo)
    with pytest.raises(InfrastructureError, match="`sudo -n` is refused") as caught:
        install(["a"], progress=quiet, deadline=Deadline.after(10))
    assert caught.value.hint == f"run: {install_command(['a'])}"
    assert install_command(["a"]) == "sudo apt-get install --yes --no-install-recommends a"


def test_by_sudo(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    stub(programs, "apt-get", 'echo "$DEBIAN_FRONTEND $*" >>"$FAKE_LOG"')
    stub(programs, "sudo", 'shift; test "$1" = true || exec "$@"')
    steps: list[Step] = []
    install(["a", "b"], progress=steps.append, deadline=Deadline.after(10))
    assert (tmp_path / "log").read_text().splitlines() == [
        "noninteractive -o DPkg::Lock::Timeout=300 update",
        "noninteractive -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends a b",
    ]
    assert [step.what for step in steps] == ["reading the package lists", "installing a b"]


def test_a_failure_has_apts_own_words(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    stub(programs, "apt-get", 'echo "E: no space"; exit 100')
    with pytest.raises(InfrastructureError, match="and apt-get failed") as caught:
        install(["a"], progress=quiet, deadline=Deadline.after(10))
    assert caught.value.evidence == ("E: no space",)
