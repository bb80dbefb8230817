"""EDK2: which files, and which version a flash image is."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hil.errors import InfrastructureError
from hil.tools.firmware import find_pair, read_version, release, version_in

GUID = bytes.fromhex("98584eee143959429d6edc7bd79403cf")


def image(volume: bytes, *, junk: bytes = b"\xff" * 100) -> bytes:
    """A flash image with one compressed volume, and one false start of one."""
    packed = lzma.compress(volume, lzma.FORMAT_ALONE)
    size = 24 + len(packed)
    section = size.to_bytes(3, "little") + b"\x02" + GUID + (24).to_bytes(2, "little") + b"\0\0" + packed
    return junk + GUID + junk + section + junk


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["AAVMF/AAVMF_CODE.fd", "AAVMF/AAVMF_VARS.fd"], "AAVMF/AAVMF_CODE.fd"),
        (
            ["AAVMF/AAVMF_CODE.fd", "AAVMF/AAVMF_CODE.no-secboot.fd", "AAVMF/AAVMF_VARS.fd"],
            "AAVMF/AAVMF_CODE.no-secboot.fd",
        ),
        (
            ["edk2/aarch64/QEMU_EFI-silent-pflash.raw", "edk2/aarch64/vars-template-pflash.raw"],
            "edk2/aarch64/QEMU_EFI-silent-pflash.raw",
        ),
        (["qemu/edk2-aarch64-code.fd", "qemu/edk2-arm-vars.fd"], "qemu/edk2-aarch64-code.fd"),
        (["AAVMF/AAVMF_CODE.fd"], None),
        ([], None),
    ],
)
def test_the_layouts_of_distributions(tmp_path: Path, files: list[str], expected: str | None) -> None:
    for name in files:
        path = tmp_path / "usr/share" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    pair = find_pair(tmp_path)
    assert (pair is None) == (expected is None)
    if pair is not None and expected is not None:
        assert pair.code == tmp_path / "usr/share" / expected


@pytest.mark.parametrize(
    ("volume", "version"),
    [
        ("x\0y 2025.02-8".encode("utf-16-le"), "2025.02-8"),
        ("edk2-20240813-2.fc41".encode("utf-16-le"), "edk2-20240813"),
        (b"/build/edk2-2022.11/Build/ArmVirtQemu", "edk2-2022.11"),
        (b"edk2-stable202408-prebuilt.qemu.org", "edk2-stable202408"),
        (b"nothing of the kind", ""),
    ],
)
def test_the_version_is_in_the_compressed_volume(tmp_path: Path, volume: bytes, version: str) -> None:
    assert version_in(image(volume)) == version
    (tmp_path / "code.fd").write_bytes(image(volume))
    assert read_version(tmp_path / "code.fd") == version


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be read"):
        read_version(tmp_path / "absent.fd")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2022.11-6+deb12u2", (2022, 11)),
        ("2025.02-8ubuntu1", (2025, 2)),
        ("edk2-stable202408", (2024, 8)),
        ("edk2-20250221", (2025, 2)),
        ("edk2-2022.11", (2022, 11)),
        ("", None),
        ("0~20160104", (2016, 1)),
        ("12.2", None),
    ],
)
def test_releases(version: str, expected: tuple[int, int] | None) -> None:
    assert release(version) == expected


@given(st.binary(max_size=100), st.binary(max_size=60), st.integers(0, 80))
@example(b"", b"\xff" * 60, 24)
def test_any_bytes_are_a_firmware_or_not(junk: bytes, tail: bytes, offset: int) -> None:
    assert version_in(junk) == ""
    assert version_in(junk + b"\x60\0\0\x02" + GUID + offset.to_bytes(2, "little") + b"\0\0" + tail) == ""


@given(st.text(max_size=30))
def test_any_text_is_a_release_or_none(text: str) -> None:
    found = release(text)
    assert found is None or 1 <= found[1] <= 12
