"""What comes from other suites' and architectures' packages: iPXE, kernel, busybox, glibc, Debian's installer.

Says which package of which suite holds a thing, and keeps it in the cache once it was fetched. The suite
decides which version: its newest on the day of fetching; the cache entry records exactly what that was.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools import host, layouts
from hil.tools.apt import Package, PrivateApt
from hil.tools.cache import Cache
from hil.tools.progress import Progress

IPXE = "ipxe"
BUSYBOX = "busybox-arm64"
KERNEL = "linux-arm64"
_ELSEWHERE = "take it from this distribution and set the HIL_ variable that `hil doctor` shows"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one thing is had from packages.

    Args:
        name: of its cache entry.
        suite: code name of the suite it comes from.
        arch: "arm64" or "native".
        packages: the names of the packages, once the lists are there.
        files: the files that were wanted, among the relative paths of what was unpacked; raises LookupError.
    """

    name: str
    suite: str
    arch: str
    packages: Callable[[PrivateApt, Deadline], list[str]]
    files: Callable[[Iterable[str]], list[str]]


def ipxe(here: host.Distribution) -> Recipe:
    """iPXE for arm64. Debian has it from 13 on, so Debian 12 takes the one of 13."""
    if here.family == "ubuntu":
        return Recipe(IPXE, here.codename, "native", named("grub-ipxe"), _one_of(layouts.IPXE_ARM64))
    suite = "trixie" if here.codename == "bookworm" else here.codename
    return Recipe(IPXE, suite, "arm64", named("ipxe"), _one_of(layouts.IPXE_ARM64))


def busybox(here: host.Distribution) -> Recipe:
    """A static busybox for arm64."""
    return Recipe(BUSYBOX, here.codename, "arm64", named("busybox-static"), _one_of(layouts.BUSYBOX))


def kernel(here: host.Distribution) -> Recipe:
    """The distribution's own kernel for arm64 virtual machines, with its modules."""
    meta = "linux-image-virtual" if here.family == "ubuntu" else "linux-image-cloud-arm64"
    return Recipe(KERNEL, here.codename, "arm64", _kernel_packages(meta), _kernel_files)


def glibc(here: host.Distribution) -> Recipe:
    """The C library for arm64 with its loader, and GCC's own: what a dynamically linked program needs."""
    return Recipe("glibc-arm64", here.codename, "arm64", lambda apt, deadline: ["libc6", "libgcc-s1"], _glibc_files)


def debian_installer(here: host.Distribution) -> Recipe:
    """Debian's own installer for network boot of arm64.

    Raises:
        InfrastructureError: the host's archive is not Debian's.
    """
    if here.family != "debian" or not here.version:
        raise InfrastructureError(
            f"Debian's installer needs Debian's apt sources; this host is {here.id or 'unknown'}",
            hint="use a bench on Debian",
        )
    package = f"debian-installer-{here.version}-netboot-arm64"
    return Recipe("debian-installer-arm64", here.codename, "arm64", named(package), _installer_files)


def obtain(recipe: Recipe, cache: Cache, *, progress: Progress, deadline: Deadline) -> Path:
    """The unpacked folder from the cache, fetched if it is not there; nothing asks the network when it is.

    Raises:
        InfrastructureError: it cannot be had; the message has apt's own words.
    """
    if (found := cache.tree(recipe.name, recipe.suite)) is not None:
        return found
    with cache.making(recipe.name, deadline):
        if (found := cache.tree(recipe.name, recipe.suite)) is not None:
            return found
        apt = PrivateApt(cache, suite=recipe.suite, arch=recipe.arch, progress=progress)
        apt.update(deadline)
        names = recipe.packages(apt, deadline)
        with cache.work() as work:
            folder = work / recipe.name
            taken = apt.fetch(names, folder, deadline)
            watch = _wanted(recipe, folder, taken)
            for path in watch:
                _gunzip_image(folder / path)
            return cache.put_tree(
                recipe.name,
                folder,
                key=recipe.suite,
                origin="; ".join(str(package) for package in taken),
                how=f"fetched by apt from suite {recipe.suite}, signature checked, unpacked by dpkg-deb",
                watch=watch,
                facts={"version": taken[0].version, "suite": recipe.suite},
            )


def listing(folder: Path) -> list[str]:
    """The relative paths of all files in a folder."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()]


def _wanted(recipe: Recipe, folder: Path, taken: list[Package]) -> list[str]:
    try:
        return recipe.files(listing(folder))
    except LookupError as error:
        raise InfrastructureError(
            f"{taken[0]} does not hold {recipe.name} where hil looks for it: {error}",
            hint="report this with the version of the package; until then " + _ELSEWHERE,
        ) from error


def _gunzip_image(path: Path) -> None:
    """Ubuntu's arm64 kernels are gzip files, which not every network boot program unpacks."""
    with path.open("rb") as stream:
        if path.name.endswith(".gz") or stream.read(2) != b"\x1f\x8b":
            return
    plain = path.with_name(path.name + ".plain")
    try:
        with gzip.open(path, "rb") as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InfrastructureError(f"{path.name} is a damaged gzip file: {error}", hint="try again") from error
    plain.replace(path)


def named(package: str) -> Callable[[PrivateApt, Deadline], list[str]]:
    """What a recipe fetches when its package has the same name in every suite."""
    return lambda apt, deadline: [package]


def _one_of(candidates: Iterable[str]) -> Callable[[Iterable[str]], list[str]]:
    def files(paths: Iterable[str]) -> list[str]:
        found = layouts.first_of(candidates, paths)
        if found is None:
            raise LookupError(f"none of {', '.join(candidates)}")
        return [found]

    return files


def _kernel_packages(meta: str) -> Callable[[PrivateApt, Deadline], list[str]]:
    def packages(apt: PrivateApt, deadline: Deadline) -> list[str]:
        image = layouts.concrete_image(apt.fields(meta, deadline).get("depends", ""))
        if image is None:
            raise InfrastructureError(
                f"{meta} of {apt.suite} names no kernel package",
                hint=f"report this; until then {_ELSEWHERE}",
            )
        modules = layouts.concrete_modules(apt.fields(image, deadline).get("depends", ""))
        return [image, modules] if modules else [image]

    return packages


def _kernel_files(paths: Iterable[str]) -> list[str]:
    found = layouts.kernel_layout(paths)
    if found is None:
        raise LookupError("no boot/vmlinuz-VERSION with lib/modules/VERSION")
    return [found.image]


def _glibc_files(paths: Iterable[str]) -> list[str]:
    return list(layouts.glibc_layout(paths).values())


def _installer_files(paths: Iterable[str]) -> list[str]:
    found = layouts.installer_layout(paths)
    if found is None:
        raise LookupError("no text/debian-installer/arm64/linux with its initrd.gz")
    return [found.kernel, found.initrd]
