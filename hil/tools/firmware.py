"""EDK2 for arm64 guests: where distributions keep it, and which version it is.

A firmware is two files: the code, which guests share and nobody writes, and the template of the variables,
of which each guest gets a copy.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools.process import run

# Those without secure boot come first: iPXE is signed by nobody.
_PAIRS = (
    ("usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", "usr/share/AAVMF/AAVMF_VARS.fd"),  # Debian 13, Ubuntu 24.04
    ("usr/share/AAVMF/AAVMF_CODE.fd", "usr/share/AAVMF/AAVMF_VARS.fd"),  # Debian 12, Ubuntu 22.04
    (
        "usr/share/edk2/aarch64/QEMU_EFI-silent-pflash.raw",
        "usr/share/edk2/aarch64/vars-template-pflash.raw",
    ),  # Fedora
    ("usr/share/edk2/aarch64/QEMU_CODE.fd", "usr/share/edk2/aarch64/QEMU_VARS.fd"),  # Arch
    ("usr/share/qemu/aavmf-aarch64-code.bin", "usr/share/qemu/aavmf-aarch64-vars.bin"),  # openSUSE
    (
        "usr/local/share/qemu/edk2-aarch64-code.fd",
        "usr/local/share/qemu/edk2-arm-vars.fd",
    ),  # QEMU from source
    ("usr/share/qemu/edk2-aarch64-code.fd", "usr/share/qemu/edk2-arm-vars.fd"),
)
# EFI_GUIDED_SECTION of an LZMA stream: ee4e5898-3914-4259-9d6e-dc7bd79403cf (EDK2, LzmaCustomDecompressLib).
_LZMA_GUID = bytes.fromhex("98584eee143959429d6edc7bd79403cf")
_GUID_DEFINED = 2
_LONGEST_VOLUME = 64 << 20
_VERSION = re.compile(r"(?:edk2-(?:stable)?)?(20[0-9]{2})\.?(0[1-9]|1[0-2])(?![0-9]{3})")
_RELEASE = re.compile(
    rb"(?:edk2-stable20[0-9]{4}|edk2-20[0-9]{6}|edk2-20[0-9]{2}\.[0-9]{2}|20[0-9]{2}\.[0-9]{2}-[0-9])"
)
_DEBIAN_PACKAGE = "qemu-efi-aarch64"


@dataclass(frozen=True, slots=True)
class Pair:
    """One firmware.

    Args:
        code: the code, a raw flash image that is only read.
        vars: the template of the variables; copy it for each guest.
    """

    code: Path
    vars: Path


def find_pair(root: Path = Path("/")) -> Pair | None:
    """The first firmware that this host has."""
    for code, variables in _PAIRS:
        if (root / code).is_file() and (root / variables).is_file():
            return Pair(root / code, root / variables)
    return None


def read_version(code: Path) -> str:
    """The version of a firmware, from its package, else from the file itself; "" when neither says it.

    Raises:
        InfrastructureError: the file cannot be read.
    """
    if code.resolve().parent in (Path("/usr/share/AAVMF"), Path(f"/usr/share/{_DEBIAN_PACKAGE}")):
        words = ["dpkg-query", "--show", "--showformat", "${Version}", _DEBIAN_PACKAGE]
        done = run(words, deadline=Deadline.after(10), hint="this needs dpkg")
        if done.code == 0 and done.output:
            return done.output
    try:
        return version_in(code.read_bytes())
    except OSError as error:
        raise InfrastructureError(f"{code} cannot be read: {error.strerror}", hint="install it again") from error


def version_in(image: bytes) -> str:
    """The version that a flash image carries in its compressed volume, "" when it has none."""
    for volume in _volumes(image):
        # Strings are UTF-16 in drivers and 8-bit in the build's paths.
        if match := _RELEASE.search(volume.replace(b"\0", b"")):
            return match[0].decode("ascii")
    return ""


def release(version: str) -> tuple[int, int] | None:
    """Year and month of an EDK2 version as distributions write it, as (2022, 11); None for other text."""
    match = _VERSION.search(version)
    return (int(match[1]), int(match[2])) if match else None


def _volumes(image: bytes) -> list[bytes]:
    """The LZMA volumes of a flash image, unpacked (PI specification 1.7, volume 3, section 2.2.4)."""
    import lzma

    found = []
    at = image.find(_LZMA_GUID)
    while at >= 4:
        header = image[at - 4 : at + 20]
        if len(header) == 24 and header[3] == _GUID_DEFINED:
            size = int.from_bytes(header[:3], "little")
            (offset,) = struct.unpack_from("<H", header, 20)
            try:
                unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
                found.append(unpacker.decompress(image[at - 4 + offset : at - 4 + size], _LONGEST_VOLUME))
            except (lzma.LZMAError, EOFError):
                pass
        at = image.find(_LZMA_GUID, at + 1)
    return found
