"""Where distributions put things inside their packages: pure functions over lists of paths.

Each takes the relative paths of the files in an unpacked package and finds what is wanted in them, or None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_IMAGE = re.compile(r"boot/vmlinuz-(?P<version>[^/]+)")
_CONCRETE_IMAGE = re.compile(r"\b(linux-image-[0-9][a-z0-9.+-]*)")
_CONCRETE_MODULES = re.compile(r"\b(linux-modules-[0-9][a-z0-9.+-]*)")

# Debian's ipxe from trixie on; Ubuntu's grub-ipxe; Fedora's ipxe-bootimgs-aarch64.
IPXE_ARM64 = ("usr/lib/ipxe/ipxe-arm64.efi", "boot/ipxe-arm64.efi", "usr/share/ipxe/arm64-efi/ipxe.efi")
# /bin before the merge of /usr (Debian 12), /usr/bin after it.
BUSYBOX = ("bin/busybox", "usr/bin/busybox")


@dataclass(frozen=True, slots=True)
class KernelLayout:
    """Where a kernel and its modules are.

    Args:
        version: as `uname -r` will say.
        image: relative path of the image.
        modules: relative path of the folder that holds its modules.
    """

    version: str
    image: str
    modules: str


@dataclass(frozen=True, slots=True)
class InstallerLayout:
    """Where the Debian installer's kernel and initrd for network boot are (relative paths)."""

    kernel: str
    initrd: str


def first_of(candidates: Iterable[str], paths: Iterable[str]) -> str | None:
    """The first candidate that is among the paths."""
    present = set(paths)
    return next((path for path in candidates if path in present), None)


def kernel_layout(paths: Iterable[str]) -> KernelLayout | None:
    """The kernel in an unpacked linux-image package (with its linux-modules, where these are apart)."""
    present = list(paths)
    for path in sorted(present):
        if match := _IMAGE.fullmatch(path):
            version = match["version"]
            for top in ("usr/lib/modules", "lib/modules"):
                if any(item.startswith(f"{top}/{version}/kernel/") for item in present):
                    return KernelLayout(version, path, f"{top}/{version}")
    return None


def installer_layout(paths: Iterable[str]) -> InstallerLayout | None:
    """The text installer for network boot in an unpacked debian-installer-N-netboot-arm64 package."""
    folder = re.compile(r"usr/lib/debian-installer/images/[0-9]+/arm64/text/debian-installer/arm64/")
    present = set(paths)
    for path in sorted(present):
        match = folder.match(path)
        if match and {match[0] + "linux", match[0] + "initrd.gz"} <= present:
            return InstallerLayout(match[0] + "linux", match[0] + "initrd.gz")
    return None


def concrete_image(depends: str) -> str | None:
    """The package with the kernel that a meta package's Depends field names."""
    match = _CONCRETE_IMAGE.search(depends)
    return match[1] if match else None


def concrete_modules(depends: str) -> str | None:
    """The package with the modules that a kernel package's Depends field names; None if they are in it."""
    match = _CONCRETE_MODULES.search(depends)
    return match[1] if match else None
