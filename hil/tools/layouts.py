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

LOADER = "ld-linux-aarch64.so.1"
"""The dynamic loader of arm64's glibc: what a program of it names as its interpreter, in /lib."""
_GLIBC = (LOADER, "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1")
# Below /usr after the merge (Debian 13, Ubuntu 24.04).
_MULTIARCH = ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu")


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


def glibc_layout(paths: Iterable[str]) -> dict[str, str]:
    """Each library of arm64's glibc and GCC by its name, in unpacked libc6 and libgcc-s1.

    Raises:
        LookupError: one of them is not there.
    """
    present = set(paths)
    found = {name: first_of((f"{folder}/{name}" for folder in _MULTIARCH), present) for name in _GLIBC}
    if lacking := [name for name, path in found.items() if path is None]:
        raise LookupError(f"no {', '.join(lacking)} in {' or '.join(_MULTIARCH)}")
    return {name: path for name, path in found.items() if path is not None}


def concrete_image(depends: str) -> str | None:
    """The package with the kernel that a meta package's Depends field names."""
    match = _CONCRETE_IMAGE.search(depends)
    return match[1] if match else None


def concrete_modules(depends: str) -> str | None:
    """The package with the modules that a kernel package's Depends field names; None if they are in it."""
    match = _CONCRETE_MODULES.search(depends)
    return match[1] if match else None
