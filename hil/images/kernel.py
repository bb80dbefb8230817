"""Says what a kernel file is before a machine boots it: for which architecture, and whether it is whole.

Reads headers alone and boots nothing. Sources: Linux, Documentation/arch/arm64/booting.rst (the header),
Documentation/arch/x86/boot.rst (bzImage), drivers/firmware/efi/libstub/zboot-header.S (zboot); Microsoft,
PE Format (COFF machine types, section table).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from hil.errors import NodeError

_HEAD = 8192
_COFF_MACHINES = {
    0xAA64: "arm64",
    0x8664: "x86_64",
    0x014C: "x86 (32 bits)",
    0x01C2: "arm (32 bits)",
}
_HINT = "name an arm64 kernel: Talos calls it kernel-arm64 or vmlinuz-arm64, Debian has an arm64 package"


@dataclass(frozen=True, slots=True)
class KernelHeader:
    """What the head of a kernel file says.

    Args:
        architecture: as `uname -m` names it, except "arm64"; "" when the header does not say.
        form: "image", "zboot", "gzip", "pe", "bzimage" or "unknown".
        bytes_needed: how long the whole file is at least; 0 when the header does not say.
    """

    architecture: str
    form: str
    bytes_needed: int


def read_header(head: bytes) -> KernelHeader:
    """The header of a kernel file.

    Args:
        head: the first 8 KiB of the file, or all of a shorter one.
    """
    if head[:2] == b"\x1f\x8b":
        return KernelHeader("", "gzip", 0)
    architecture, needed = _pe(head)
    if head[4:8] == b"zimg" and len(head) >= 16:
        offset, size = struct.unpack_from("<II", head, 8)
        return KernelHeader(architecture, "zboot", max(needed, offset + size))
    if head[56:60] == b"ARM\x64":
        return KernelHeader("arm64", "image", needed)
    if head[0x202:0x206] == b"HdrS":
        return KernelHeader("x86_64", "bzimage", needed)
    return KernelHeader(architecture, "pe" if architecture else "unknown", needed)


def _pe(head: bytes) -> tuple[str, int]:
    """The COFF machine, and the end of the last section in the file; ("", 0) when this is no PE file."""
    if head[:2] != b"MZ" or len(head) < 64:
        return "", 0
    start = struct.unpack_from("<I", head, 60)[0]
    if head[start : start + 4] != b"PE\0\0" or len(head) < start + 24:
        return "", 0
    machine, sections = struct.unpack_from("<HH", head, start + 4)
    table = start + 24 + struct.unpack_from("<H", head, start + 20)[0]
    needed = 0
    for at in range(table, table + 40 * sections, 40):
        if at + 40 > len(head):
            break
        size, offset = struct.unpack_from("<II", head, at + 16)
        needed = max(needed, offset + size)
    return _COFF_MACHINES.get(machine, f"machine type {machine:#06x}"), needed


def check_kernel(path: Path) -> KernelHeader:
    """The header of a kernel that an arm64 machine can boot.

    Args:
        path: a file that exists.

    Raises:
        NodeError: it is for another architecture, cut short, or no kernel at all.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        header = read_header(file.read(_HEAD))
        size = file.seek(0, 2)
    if header.architecture not in ("arm64", ""):
        raise NodeError(f"the kernel {path} is for {header.architecture}, and this machine is arm64", hint=_HINT)
    if header.form == "unknown":
        raise NodeError(
            f"{path} is no kernel for an arm64 machine: its {size} bytes start neither like an arm64 Image"
            " nor like an EFI program nor like a gzip file",
            hint=_HINT,
        )
    if size < header.bytes_needed:
        raise NodeError(
            f"the kernel {path} is cut short: its header needs {header.bytes_needed} bytes, it has {size}",
            hint="get the file again, and name its sha256 in the rig file so that this is seen at once",
        )
    return header
