"""The finders: what they find, what they say when it is missing, and what they ask twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import InfrastructureError
from hil.tools import firmware, gobuild, gonode, host, packages, programs
from hil.tools.cache import Cache
from hil.tools.host import Distribution
from hil.tools.memo import remembered
from hil.tools.progress import Progress

BOOKWORM = Distribution("debian", "bookworm", "12", "debian")
FAKE_QEMU = """#!/bin/sh
echo asked >>"$0.log"
echo "QEMU emulator version {version} (Debian)"
exit {code}
"""
VARIABLES = (
    "HIL_QEMU", "HIL_EDK2_CODE", "HIL_EDK2_VARS", "HIL_IPXE", "HIL_MATCHBOX", "HIL_BUSYBOX", "HIL_KERNEL",
    "HIL_KERNEL_MODULES", "HIL_GO",
)  # fmt: skip


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Debian host with nothing on it and an empty cache."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(host, "distribution", lambda: BOOKWORM)
    monkeypatch.setattr(firmware, "find_pair", lambda: None)
    (tmp_path / "bin").mkdir()


def fake_qemu(path: Path, version: str = "7.2.22", code: int = 0) -> Path:
    path.write_text(FAKE_QEMU.format(version=version, code=code))
    path.chmod(0o755)
    return path


def put(name: str, files: dict[str, bytes], key: str = "bookworm") -> Path:
    cache = Cache()
    with cache.work() as work:
        for path, data in files.items():
            (work / "t" / path).parent.mkdir(parents=True, exist_ok=True)
            (work / "t" / path).write_bytes(data)
        facts = {"version": "1"}
        watch = [path for path in files if "modules" not in path]
        return cache.put_tree(name, work / "t", key=key, origin="o", how="h", watch=watch, facts=facts)


@pytest.mark.parametrize(
    ("find", "what"),
    [
        (programs.qemu, "QEMU (qemu-system-aarch64, 7.2 or newer)"),
        (programs.edk2, "EDK2 for arm64"),
        (programs.unshare, "unshare (util-linux)"),
        (programs.ipxe, "iPXE for arm64"),
        (programs.matchbox, "matchbox v0.11.0"),
        (programs.headscale, "headscale v0.29.2"),
        (programs.busybox_arm64, "a static busybox for arm64"),
        (programs.kernel_arm64, "a Linux kernel for arm64"),
        (programs.debian_installer, "Debian's installer for arm64"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_gets_it(find: Callable[[], object], what: str) -> None:
    with pytest.raises(InfrastructureError) as caught:
        find()
    assert what in caught.value.message
    assert "`hil doctor --fix`" in caught.value.hint
    assert caught.value.exit_code == 3


def test_qemu_is_asked_once_until_it_changes(tmp_path: Path) -> None:
    path = fake_qemu(tmp_path / "bin/qemu-system-aarch64")
    assert programs.qemu() == programs.Qemu(path, (7, 2, 22))
    assert programs.qemu().version == (7, 2, 22)
    assert (tmp_path / "bin/qemu-system-aarch64.log").read_text() == "asked\n"
    fake_qemu(path, "10.1.0")
    # Of the same length, and perhaps of the same moment: a kernel may tell times in steps of ten milliseconds.
    os.utime(path, (0, 0))
    assert programs.qemu().version == (10, 1, 0)


def test_qemu_by_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = fake_qemu(tmp_path / "mine")
    monkeypatch.setenv("HIL_QEMU", str(mine))
    assert programs.qemu().path == mine
    monkeypatch.setenv("HIL_QEMU", str(tmp_path / "absent"))
    with pytest.raises(InfrastructureError, match=r"HIL_QEMU names .*absent, which does not exist"):
        programs.qemu()


def test_an_old_or_broken_qemu(tmp_path: Path) -> None:
    path = fake_qemu(tmp_path / "bin/qemu-system-aarch64", "6.2.0")
    with pytest.raises(InfrastructureError, match=r"is QEMU 6\.2\.0; 7\.2 or newer is needed"):
        programs.qemu()
    fake_qemu(path, "8.0.0", code=127)
    with pytest.raises(InfrastructureError, match=r"did not say which QEMU it is \(exit code 127\)"):
        programs.qemu()


def test_ensure_installs_system_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []

    def install(names: list[str], *, progress: Progress, deadline: object) -> None:
        installed.extend(names)
        if "qemu-system-arm" in names:
            fake_qemu(tmp_path / "bin/qemu-system-aarch64")

    monkeypatch.setattr(host, "install", install)
    assert programs.qemu(ensure=True).version == (7, 2, 22)
    for find in (programs.edk2, programs.unshare):
        with pytest.raises(InfrastructureError):
            find(ensure=True)
    assert installed == ["qemu-system-arm", "qemu-efi-aarch64", "util-linux"]


def test_edk2_by_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").write_bytes(b"x")
    (tmp_path / "vars").write_bytes(b"x")
    monkeypatch.setenv("HIL_EDK2_CODE", str(tmp_path / "code"))
    with pytest.raises(InfrastructureError, match="of HIL_EDK2_CODE and HIL_EDK2_VARS only one is set"):
        programs.edk2()
    monkeypatch.setenv("HIL_EDK2_VARS", str(tmp_path / "vars"))
    assert programs.edk2() == programs.Edk2(tmp_path / "code", tmp_path / "vars", "")


def test_what_the_cache_holds_is_found() -> None:
    kernel = put("linux-arm64", {"boot/vmlinuz-6.1-x": b"k", "lib/modules/6.1-x/kernel/a.ko": b"m"})
    busybox = put("busybox-arm64", {"bin/busybox": b"b"})
    ipxe = put("ipxe", {"usr/lib/ipxe/ipxe-arm64.efi": b"i"}, key="trixie")
    folder = "usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64"
    installer = put("debian-installer-arm64", {f"{folder}/linux": b"l", f"{folder}/initrd.gz": b"r"})
    assert programs.kernel_arm64() == programs.Kernel(
        kernel / "boot/vmlinuz-6.1-x", kernel / "lib/modules/6.1-x", "6.1-x", "o"
    )
    assert programs.busybox_arm64() == busybox / "bin/busybox"
    assert programs.ipxe() in (ipxe / "usr/lib/ipxe/ipxe-arm64.efi", Path("/usr/lib/ipxe/ipxe-arm64.efi"))
    assert programs.debian_installer() == programs.DebianInstaller(
        installer / folder / "linux", installer / folder / "initrd.gz", "1"
    )


def test_a_cache_that_lost_a_file_says_how_to_mend_it() -> None:
    put("busybox-arm64", {"elsewhere": b""})
    with pytest.raises(InfrastructureError, match="lacks what it held") as caught:
        programs.busybox_arm64()
    assert "hil cache rm --all" in caught.value.hint
    put("linux-arm64", {"boot/System.map": b""})
    with pytest.raises(InfrastructureError, match="lacks what it held"):
        programs.kernel_arm64()
    put("debian-installer-arm64", {"elsewhere": b""})
    with pytest.raises(InfrastructureError, match="lacks what it held"):
        programs.debian_installer()


def test_variables_name_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "6.6.6").mkdir()
    for name in ("HIL_IPXE", "HIL_MATCHBOX", "HIL_BUSYBOX", "HIL_KERNEL"):
        monkeypatch.setenv(name, str(fake_qemu(tmp_path / name)))
    monkeypatch.setenv("HIL_KERNEL_MODULES", str(tmp_path / "6.6.6"))
    assert programs.ipxe() == tmp_path / "HIL_IPXE"
    assert programs.matchbox() == tmp_path / "HIL_MATCHBOX"
    assert programs.busybox_arm64() == tmp_path / "HIL_BUSYBOX"
    expected = programs.Kernel(tmp_path / "HIL_KERNEL", tmp_path / "6.6.6", "6.6.6", "HIL_KERNEL")
    assert programs.kernel_arm64() == expected


def test_ensure_gets_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def obtain(recipe: packages.Recipe, cache: Cache, *, progress: Progress, deadline: object) -> Path:
        return put(recipe.name, {"bin/busybox": b""}, key=recipe.suite)

    monkeypatch.setattr(packages, "obtain", obtain)
    assert programs.busybox_arm64(ensure=True).name == "busybox"
    monkeypatch.setattr(gobuild, "build", lambda service, cache, *, progress, deadline: tmp_path / service.name)
    assert programs.matchbox(ensure=True) == tmp_path / "matchbox"
    assert programs.tailscaled(ensure=True) == tmp_path / "tailscaled"


def test_the_simulated_node_is_there_when_all_of_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"machined", "hello"}

    def find(program: gonode.Program, cache: Cache) -> Path | None:
        return tmp_path / program.name if program.name in there else None

    def obtain(program: gonode.Program, cache: Cache, *, progress: Progress, deadline: object) -> Path:
        there.add(program.name)
        return tmp_path / program.name

    monkeypatch.setattr(gonode, "built", find)
    monkeypatch.setattr(gonode, "obtain", obtain)
    with pytest.raises(InfrastructureError, match="talostool of the simulated Talos node is not on this bench"):
        programs.simulated_node()
    assert programs.simulated_node(ensure=True) == tmp_path / "machined"
    assert there == {"machined", "hello", "talostool"}


def test_the_installer_needs_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "distribution", lambda: Distribution("ubuntu", "noble", "24.04", "ubuntu"))
    with pytest.raises(InfrastructureError, match="needs Debian's apt sources; this host is ubuntu"):
        programs.debian_installer()


@pytest.mark.parametrize(
    ("here", "suite", "arch", "kernel"),
    [
        (BOOKWORM, "trixie", "arm64", "bookworm"),
        (Distribution("debian", "trixie", "13", "debian"), "trixie", "arm64", "trixie"),
        (Distribution("ubuntu", "noble", "24.04", "ubuntu"), "noble", "native", "noble"),
    ],
)
def test_which_suite_has_what(here: Distribution, suite: str, arch: str, kernel: str) -> None:
    assert (packages.ipxe(here).suite, packages.ipxe(here).arch) == (suite, arch)
    assert (packages.kernel(here).suite, packages.busybox(here).suite) == (kernel, kernel)


def test_a_cache_that_cannot_be_written_only_costs_asking_again(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        return "answer"

    for _ in range(2):
        assert remembered(Cache(tmp_path / "file/cache"), "topic", tmp_path / "file", ask) == "answer"
    assert len(asked) == 2


@given(st.text(max_size=50) | st.from_regex(r"QEMU emulator version [0-9.]{0,12}", fullmatch=True))
def test_any_text_is_a_version_or_empty(text: str) -> None:
    found = programs.parse_qemu_version(text)
    assert found == "" or len([int(part) for part in found.split(".")]) == 3
