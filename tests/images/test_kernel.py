"""Kernel files of several kinds, made here with only their headers right."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import NodeError
from hil.images.kernel import KernelHeader, check_kernel, read_header


def pe(machine: int, *, length: int, magic: bytes = b"", first: bytes = b"MZ") -> bytes:
    """A PE file of one section that ends at `length`."""
    head = bytearray(512)
    head[: len(first)] = first
    head[56 : 56 + len(magic)] = magic
    struct.pack_into("<I", head, 60, 64)
    struct.pack_into("<4sHH12xH", head, 64, b"PE\0\0", machine, 1, 160)
    struct.pack_into("<8sIIII", head, 64 + 24 + 160, b".text", 0, 0, length - 512, 512)
    return bytes(head).ljust(length, b"\xaa")


ARM64 = pe(0xAA64, length=4096, magic=b"ARM\x64")


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "vmlinuz"
    path.write_bytes(data)
    return path


def test_whole_arm64_image_is_taken(tmp_path: Path) -> None:
    assert check_kernel(written(tmp_path, ARM64)) == KernelHeader("arm64", "image", 4096)


def test_gzip_is_taken(tmp_path: Path) -> None:
    assert check_kernel(written(tmp_path, gzip.compress(ARM64))).form == "gzip"


def test_zboot_length_is_checked(tmp_path: Path) -> None:
    zboot = pe(0xAA64, length=4096, first=b"MZ\0\0zimg" + struct.pack("<II", 1000, 9000))
    assert read_header(zboot) == KernelHeader("arm64", "zboot", 10000)
    with pytest.raises(NodeError, match="cut short"):
        check_kernel(written(tmp_path, zboot))


def test_truncated_image_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, ARM64[:-1])
    with pytest.raises(NodeError) as caught:
        check_kernel(path)
    assert caught.value.message == f"the kernel {path} is cut short: its header needs 4096 bytes, it has 4095"


def bzimage(machine: int) -> bytes:
    data = bytearray(pe(machine, length=4096))
    data[0x202:0x206] = b"HdrS"
    return bytes(data)


@pytest.mark.parametrize("data", [pe(0x8664, length=600), bzimage(0x8664), bytes(0x202) + b"HdrS" + bytes(600)])
def test_other_architecture_is_named(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path, data)
    with pytest.raises(NodeError) as caught:
        check_kernel(path)
    assert caught.value.message == f"the kernel {path} is for x86_64, and this machine is arm64"
    assert "arm64 kernel" in caught.value.hint


def test_unknown_machine_is_shown_by_number(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="machine type 0x1234"):
        check_kernel(written(tmp_path, pe(0x1234, length=600)))


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"MZ", b"MZ" + bytes(100)])
def test_no_kernel_at_all(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NodeError, match=f"is no kernel for an arm64 machine: its {len(data)} bytes"):
        check_kernel(written(tmp_path, data))


@given(
    st.binary(max_size=600)
    | st.builds(lambda at, new: ARM64[: at % 600] + new, st.integers(0), st.binary(max_size=64))
)
def test_any_head_is_read(head: bytes) -> None:
    header = read_header(head)
    assert header.bytes_needed >= 0
