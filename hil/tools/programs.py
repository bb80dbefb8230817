"""Finds each program and package that a bench needs, and gets it if that is asked for.

Finding is on the path of every boot: it reads a few small files, starts nothing that it has asked before,
and never touches the network. Each finder says what is missing and the command that gets it, or with
`ensure=True` gets it.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import firmware, gobuild, gonode, host, layouts, packages
from hil.tools.cache import Cache
from hil.tools.memo import remembered
from hil.tools.process import run
from hil.tools.progress import Progress, quiet

QEMU_NEEDED = (7, 2, 0)
GET_ALL = "run `hil doctor --fix`"
_GET_WITHIN = 3600.0
_ASK_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Qemu:
    """qemu-system-aarch64, and its version as (7, 2, 22)."""

    path: Path
    version: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Edk2:
    """EDK2 for arm64: code (shared, read only), template of variables (copy it), version ("" if unknown)."""

    code: Path
    vars: Path
    version: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """A Linux kernel for arm64.

    Args:
        image: an uncompressed kernel image with an EFI stub.
        modules: its folder lib/modules/VERSION.
        version: as `uname -r` will say.
        origin: the packages it came from, or the variable that named it.
    """

    image: Path
    modules: Path
    version: str
    origin: str


@dataclass(frozen=True, slots=True)
class DebianInstaller:
    """Debian's installer for network boot: kernel, initrd, and the version of the package."""

    kernel: Path
    initrd: Path
    version: str


def qemu(*, ensure: bool = False, progress: Progress = quiet) -> Qemu:
    """QEMU for arm64 guests: $HIL_QEMU, else the one in PATH.

    Raises:
        InfrastructureError: it is missing, older than 7.2, or does not say its version.
    """
    path = _named_by("HIL_QEMU") or _in_path("qemu-system-aarch64")
    if path is None and ensure:
        _install(["qemu-system-arm"], progress)
        path = _in_path("qemu-system-aarch64")
    if path is None:
        raise missing("QEMU (qemu-system-aarch64, 7.2 or newer)")
    version = remembered(Cache(), "qemu", path, lambda: _ask_qemu(path))
    parts = [int(item) for item in version.split(".")]
    found = Qemu(path, (parts[0], parts[1], parts[2]))
    if found.version < QEMU_NEEDED:
        raise InfrastructureError(
            f"{path} is QEMU {version}; 7.2 or newer is needed",
            hint="install a newer QEMU, or name one by HIL_QEMU",
        )
    return found


def edk2(*, ensure: bool = False, progress: Progress = quiet) -> Edk2:
    """EDK2 for arm64 guests: $HIL_EDK2_CODE with $HIL_EDK2_VARS, else the host's.

    Raises:
        InfrastructureError: it is missing, or only one of the two variables is set.
    """
    pair = _edk2_pair()
    if pair is None and ensure:
        _install(["qemu-efi-aarch64"], progress)
        pair = _edk2_pair()
    if pair is None:
        raise missing("EDK2 for arm64 (AAVMF_CODE.fd and AAVMF_VARS.fd)")
    version = remembered(Cache(), "edk2", pair.code, lambda: firmware.read_version(pair.code))
    return Edk2(pair.code, pair.vars, version)


def unshare(*, ensure: bool = False, progress: Progress = quiet) -> Path:
    """unshare(1) of util-linux, which gives a bench namespaces of its own.

    Raises:
        InfrastructureError: it is missing.
    """
    path = _in_path("unshare")
    if path is None and ensure:
        _install(["util-linux"], progress)
        path = _in_path("unshare")
    if path is None:
        raise missing("unshare (util-linux)")
    return path


def ipxe(*, ensure: bool = False, progress: Progress = quiet) -> Path:
    """iPXE for arm64 EFI: $HIL_IPXE, else the host's own package, else the cache.

    Raises:
        InfrastructureError: it is missing.
    """
    if (path := _named_by("HIL_IPXE")) is not None:
        return path
    for candidate in layouts.IPXE_ARM64:
        if (path := Path("/", candidate)).is_file():
            return path
    tree = _unpacked(packages.ipxe(host.distribution()), "iPXE for arm64 (ipxe-arm64.efi)", ensure, progress)
    return tree / _within(tree, layouts.IPXE_ARM64)


def matchbox(*, ensure: bool = False, progress: Progress = quiet) -> Path:
    """Matchbox: $HIL_MATCHBOX, else the pinned version from the cache.

    Raises:
        InfrastructureError: it is missing, or could not be built.
    """
    return _named_by("HIL_MATCHBOX") or pinned(gobuild.MATCHBOX, ensure=ensure, progress=progress)


def headscale(*, ensure: bool = False, progress: Progress = quiet) -> Path:
    """headscale, the pinned version from the cache; errors as in `matchbox`."""
    return pinned(gobuild.HEADSCALE, ensure=ensure, progress=progress)


def tailscaled(*, ensure: bool = False, progress: Progress = quiet) -> Path:
    """tailscaled with its command line in it, the pinned version from the cache; errors as in `matchbox`."""
    return pinned(gobuild.TAILSCALED, ensure=ensure, progress=progress)


def tailscale_arm64(*, ensure: bool = False, progress: Progress = quiet) -> Path:
    """The tailscaled of the simulated node, there only if its containerboot is as well; errors as in `matchbox`."""
    for service in (gobuild.CONTAINERBOOT, gobuild.TAILSCALED):
        path = pinned(service.for_machine(gonode.GUEST), ensure=ensure, progress=progress)
    return path


def pinned(service: gobuild.Service, *, ensure: bool = False, progress: Progress = quiet) -> Path:
    """A program that a module of our own pins, from the cache.

    Raises:
        InfrastructureError: it is missing, or could not be built.
    """
    cache = Cache()
    path = gobuild.built(service, cache)
    if path is None and ensure:
        return gobuild.build(service, cache, progress=progress, deadline=Deadline.after(_GET_WITHIN))
    if path is None:
        raise missing(f"{service.name} {service.version}")
    return path


def simulated_node(*, ensure: bool = False, progress: Progress = quiet) -> Path:
    """The simulated Talos node's first program; there only if all that goes with it is.

    Raises:
        InfrastructureError: some of it was not built from the source as it is now, or could not be.
    """
    cache = Cache()
    paths = []
    for program in gonode.needed():
        path = gonode.built(program, cache)
        if path is None and ensure:
            path = gonode.obtain(program, cache, progress=progress, deadline=Deadline.after(_GET_WITHIN))
        if path is None:
            raise missing(f"{program.name} of the simulated Talos node")
        paths.append(path)
    return paths[0]


def busybox_arm64(*, ensure: bool = False, progress: Progress = quiet) -> Path:
    """A static busybox for arm64: $HIL_BUSYBOX, else the cache.

    Raises:
        InfrastructureError: it is missing.
    """
    if (path := _named_by("HIL_BUSYBOX")) is not None:
        return path
    tree = _unpacked(packages.busybox(host.distribution()), "a static busybox for arm64", ensure, progress)
    return tree / _within(tree, layouts.BUSYBOX)


def kernel_arm64(*, ensure: bool = False, progress: Progress = quiet) -> Kernel:
    """The test kernel: $HIL_KERNEL with $HIL_KERNEL_MODULES (a folder lib/modules/VERSION), else the cache.

    Raises:
        InfrastructureError: it is missing, or only one of the two variables is set.
    """
    image, modules = _both("HIL_KERNEL", "HIL_KERNEL_MODULES")
    if image is not None and modules is not None:
        return Kernel(image, modules, modules.name, "HIL_KERNEL")
    recipe = packages.kernel(host.distribution())
    tree = _unpacked(recipe, "a Linux kernel for arm64", ensure, progress)
    for boot in sorted((tree / "boot").glob("vmlinuz-*")):
        version = boot.name.removeprefix("vmlinuz-")
        for top in ("usr/lib/modules", "lib/modules"):
            if (tree / top / version).is_dir():
                entry = Cache().entry(recipe.name)
                return Kernel(boot, tree / top / version, version, entry.origin if entry else "")
    raise _damaged(tree)


def debian_installer(*, ensure: bool = False, progress: Progress = quiet) -> DebianInstaller:
    """Debian's own installer for network boot of arm64, from the cache.

    Raises:
        InfrastructureError: it is missing, or this host's archive is not Debian's.
    """
    recipe = packages.debian_installer(host.distribution())
    tree = _unpacked(recipe, "Debian's installer for arm64", ensure, progress)
    entry = Cache().entry(recipe.name)
    if entry is None or len(entry.watched) != 2:
        raise _damaged(tree)
    initrd, kernel = sorted(entry.watched)
    return DebianInstaller(tree / kernel, tree / initrd, entry.facts.get("version", ""))


def missing(what: str) -> InfrastructureError:
    """The error that says a thing is not there and how to get it."""
    return InfrastructureError(f"{what} is not on this bench", hint=f"{GET_ALL}, which gets it")


def parse_qemu_version(text: str) -> str:
    """The version that `qemu-system-aarch64 --version` prints, as "7.2.22"; "" for other text."""
    match = re.search(r"QEMU emulator version ([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?", text)
    return ".".join(part or "0" for part in match.groups()) if match else ""


def _ask_qemu(path: Path) -> str:
    done = run([path, "--version"], deadline=Deadline.after(_ASK_WITHIN), hint="set HIL_QEMU to a QEMU that runs")
    version = parse_qemu_version(done.output)
    if done.code != 0 or not version:
        raise InfrastructureError(
            f"{path} --version did not say which QEMU it is (exit code {done.code})",
            hint="install QEMU again, or name another by HIL_QEMU",
            evidence=done.last_lines(),
        )
    return version


def _named_by(variable: str) -> Path | None:
    """The file or folder that an environment variable names."""
    value = os.environ.get(variable)
    if not value:
        return None
    path = Path(value).absolute()
    if not path.exists():
        raise InfrastructureError(
            f"{variable} names {path}, which does not exist", hint=f"correct {variable}, or unset it"
        )
    return path


def _both(first: str, second: str) -> tuple[Path | None, Path | None]:
    one, other = _named_by(first), _named_by(second)
    if (one is None) != (other is None):
        raise InfrastructureError(
            f"of {first} and {second} only one is set; they belong together", hint="set both, or none"
        )
    return one, other


def _edk2_pair() -> firmware.Pair | None:
    code, variables = _both("HIL_EDK2_CODE", "HIL_EDK2_VARS")
    if code is not None and variables is not None:
        return firmware.Pair(code, variables)
    return firmware.find_pair()


def _in_path(program: str) -> Path | None:
    found = shutil.which(program)
    return Path(found) if found else None


def _install(names: list[str], progress: Progress) -> None:
    host.install(names, progress=progress, deadline=Deadline.after(_GET_WITHIN))


def _unpacked(recipe: packages.Recipe, what: str, ensure: bool, progress: Progress) -> Path:
    cache = Cache()
    tree = cache.tree(recipe.name, recipe.suite)
    if tree is None and ensure:
        return packages.obtain(recipe, cache, progress=progress, deadline=Deadline.after(_GET_WITHIN))
    if tree is None:
        raise missing(what)
    return tree


def _within(tree: Path, candidates: tuple[str, ...]) -> str:
    for candidate in candidates:
        if (tree / candidate).is_file():
            return candidate
    raise _damaged(tree)


def _damaged(tree: Path) -> InfrastructureError:
    return InfrastructureError(
        f"{tree} in the cache lacks what it held", hint="run `hil cache rm --all`, then `hil doctor --fix`"
    )
