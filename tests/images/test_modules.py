"""Modules in an order that insmod takes, from ELF objects made here."""

from __future__ import annotations

import gzip
import lzma
import shutil
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import InfrastructureError
from hil.images.modules import NotAModule, dependencies, insertion_order


def elf(depends: str) -> bytes:
    """The smallest object with a .modinfo section (elf(5))."""
    modinfo = f"license=GPL\0depends={depends}\0name=x\0".encode()
    names = b"\0.modinfo\0.shstrtab\0"
    at = 64
    table = at + len(modinfo) + len(names)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 1, 183, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2
    )
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 2, 0, at, len(modinfo), 0, 0, 1, 0)
    sections += struct.pack("<IIQQQQIIQQ", 10, 3, 0, 0, at + len(modinfo), len(names), 0, 0, 1, 0)
    return head + modinfo + names + sections


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "6.1.0"
    (folder / "kernel/net").mkdir(parents=True)
    (folder / "kernel/net/virtio_net.ko").write_bytes(elf("virtio,net-failover"))
    (folder / "kernel/net/net_failover.ko.xz").write_bytes(lzma.compress(elf("failover"), lzma.FORMAT_XZ))
    (folder / "kernel/net/failover.ko.gz").write_bytes(gzip.compress(elf("")))
    (folder / "kernel/virtio-rng.ko").write_bytes(elf(""))
    (folder / "modules.builtin").write_text("kernel/drivers/virtio/virtio.ko\n")
    return folder


def test_each_module_comes_after_what_it_needs(modules: Path) -> None:
    found = insertion_order(modules, ["virtio-net"], optional=["virtio_rng", "no_such"])
    assert [module.name for module in found] == ["failover", "net_failover", "virtio_net", "virtio_rng"]
    assert found[1].data == elf("failover")


@pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")
def test_zstd_modules_are_unpacked(modules: Path) -> None:
    packed = subprocess.run(["zstd", "-qc"], input=elf(""), capture_output=True, check=True).stdout
    (modules / "kernel/z.ko.zst").write_bytes(packed)
    assert insertion_order(modules, ["z"])[0].data == elf("")


def test_without_zstd_the_package_is_named(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (modules / "kernel/z.ko.zst").write_bytes(b"x")
    monkeypatch.setenv("PATH", str(modules))
    with pytest.raises(InfrastructureError, match=r"z\.ko\.zst cannot be unpacked") as caught:
        insertion_order(modules, ["z"])
    assert caught.value.hint == "install the package `zstd`"


def test_missing_module_says_who_needs_it(modules: Path) -> None:
    (modules / "kernel/net/failover.ko.gz").unlink()
    with pytest.raises(InfrastructureError) as caught:
        insertion_order(modules, ["virtio_net"])
    assert caught.value.message == (
        f"the kernel module 'failover' (needed by 'net_failover') is neither in {modules} nor built in"
    )


@pytest.mark.parametrize("data", [b"not xz", lzma.compress(elf(""))[:-9]])
def test_damaged_module_is_named(modules: Path, data: bytes) -> None:
    (modules / "kernel/bad.ko.xz").write_bytes(data)
    with pytest.raises(InfrastructureError, match=r"bad\.ko\.xz cannot be unpacked"):
        insertion_order(modules, ["bad"])


def test_object_that_is_no_module_is_named(modules: Path) -> None:
    (modules / "kernel/bad.ko").write_bytes(b"\x7fELF\x02\x01" + bytes(80))
    with pytest.raises(InfrastructureError, match=r"bad\.ko is no kernel module"):
        insertion_order(modules, ["bad"])


def test_unknown_suffix_is_named(modules: Path) -> None:
    (modules / "kernel/bad.ko.lz4").write_bytes(elf(""))
    with pytest.raises(InfrastructureError, match=r"suffix '\.lz4'"):
        insertion_order(modules, ["bad"])


def test_modules_that_need_each_other_end(modules: Path) -> None:
    (modules / "kernel/a.ko").write_bytes(elf("b"))
    (modules / "kernel/b.ko").write_bytes(elf("a"))
    assert {module.name for module in insertion_order(modules, ["a"])} == {"a", "b"}


@given(
    st.binary(max_size=300)
    | st.builds(lambda at, byte: _changed(elf("a,b"), at, byte), st.integers(0), st.integers(0, 255))
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(NotAModule):
        dependencies(data)


def _changed(data: bytes, at: int, byte: int) -> bytes:
    at %= len(data)
    return data[:at] + bytes([byte]) + data[at + 1 :]
