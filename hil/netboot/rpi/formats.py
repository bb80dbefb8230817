"""Whether a firmware file can be what its name says, by its first bytes. Knows no archive and no tree.

The twin's stand-ins say in their first line that they are none, and pass.
"""

from __future__ import annotations

import re
import struct
from typing import Final

_STAND_IN: Final = b"hil bench twin stand-in for "
_FDT_MAGIC: Final = b"\xd0\x0d\xfe\xed"  # Devicetree Specification v0.4, 5.2
_ELF_MAGIC: Final = b"\x7fELF"
_ELF_MACHINE: Final = struct.Struct("<18xH")
_OTHERS: Final = {3: "x86", 40: "32-bit ARM", 62: "x86-64", 183: "64-bit ARM"}
"""e_machine of programs that VideoCore does not run (System V gABI, ELF header)."""
_ALWAYS_BRANCH: Final = 0xEA
"""The last byte of 32-bit ARM's unconditional branch, with which U-Boot begins (Arm Architecture Reference Manual, A32
instruction B; u-boot, arch/arm/lib/vectors.S)."""
_VOLUME: Final = b"_FVH"
"""In the header of each firmware volume (UEFI Platform Initialization Specification, volume 3, 3.2.1)."""
_FIRMWARE: Final = re.compile(r"start[a-z0-9_]*\.elf")
_SMALLEST: Final = (
    (_FIRMWARE, 256 << 10),
    (re.compile(r"fixup[a-z0-9_]*\.dat"), 512),
    (re.compile(r"RPI_EFI\.fd"), 256 << 10),
    (re.compile(r"bootcode\.bin|u-boot\.bin"), 16 << 10),
)
"""Bytes below which a file is cut short, or a page that says that there is no such file."""


def fault_of(name: str, data: bytes) -> str:
    """What is wrong with a file, in words that begin with its name; "" for nothing that can be seen.

    Args:
        name: as the board asks for it.
        data: what is in it.
    """
    if not data:
        return f"{name} is empty"
    if data.startswith(_STAND_IN):
        return ""
    if any(kind.fullmatch(name) and len(data) < size for kind, size in _SMALLEST):
        return f"{name} has {len(data)} bytes, fewer than any that is whole"
    if name.endswith((".dtb", ".dtbo")) and not data.startswith(_FDT_MAGIC):
        return f"{name} is no device tree"
    if _FIRMWARE.fullmatch(name) and (wrong := _not_for_videocore(data)):
        return f"{name} {wrong}, and the VideoCore processor loads it"
    if name == "u-boot.bin" and data[3] == _ALWAYS_BRANCH:
        return f"{name} is U-Boot for 32 bits, and Talos needs the 64-bit one (rpi_arm64_defconfig)"
    if name == "RPI_EFI.fd" and _VOLUME not in data:
        return f"{name} has no UEFI firmware volume in it"
    return ""


def _not_for_videocore(data: bytes) -> str:
    if not data.startswith(_ELF_MAGIC):
        return "is no ELF file"
    other = _OTHERS.get(_ELF_MACHINE.unpack_from(data)[0])
    return f"is a program for {other}" if other else ""
