"""Finds kernel modules in a package that was unpacked but never installed, with what each needs first.

`depmod` has not run there, so there is no modules.dep: each module's own `.modinfo` section says what it
depends on (Linux, scripts/mod/modpost.c, "depends="). Loads nothing.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hil.errors import InfrastructureError

_ELF64_LITTLE = b"\x7fELF\x02\x01"
_UNPACK_SECONDS = 60.0
_SECTION = struct.Struct("<IIQQQQIIQQ")


class NotAModule(ValueError):
    """The bytes are not a little-endian 64-bit ELF object with a `.modinfo` section."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module, ready for insmod(8).

    Args:
        name: as lsmod(8) shows it, with "_" where the file may have "-".
        data: the ELF object, unpacked.
    """

    name: str
    data: bytes


def insertion_order(directory: Path, wanted: Iterable[str], *, optional: Iterable[str] = ()) -> tuple[Module, ...]:
    """The modules, each after those it depends on; one that is part of the kernel itself needs no loading.

    Args:
        directory: the lib/modules/VERSION folder.
        wanted: names of modules, with "_" or "-".
        optional: names of modules that are left out where this kernel has none.

    Raises:
        InfrastructureError: one of `wanted`, or what it depends on, is missing or broken.
    """
    files = {_name(path.name): path for path in directory.rglob("*.ko*") if ".ko" in path.suffixes}
    order: dict[str, Module] = {}
    seen = set(_built_in(directory))

    def visit(name: str, needed_by: str) -> None:
        if name in seen:
            return
        seen.add(name)
        if name not in files:
            raise InfrastructureError(
                f"the kernel module {name!r} ({needed_by}) is neither in {directory} nor built in",
                hint="let hil get a kernel of its own: `hil doctor --fix`",
            )
        data = _unpacked(files[name])
        try:
            needs = dependencies(data)
        except NotAModule as error:
            raise InfrastructureError(
                f"{files[name]} is no kernel module: {error}",
                hint="remove it from the cache: `hil cache ls`",
            ) from error
        for need in needs:
            visit(need, f"needed by {name!r}")
        order[name] = Module(name, data)

    for name in wanted:
        visit(_name(name), "wanted in the initramfs")
    for name in optional:
        if _name(name) in files:
            visit(_name(name), "wanted in the initramfs")
    return tuple(order.values())


def dependencies(data: bytes) -> tuple[str, ...]:
    """The names in the module's "depends=", in the module's order.

    Args:
        data: the ELF object.

    Raises:
        NotAModule: the bytes are something else, or cut short.
    """
    for item in _modinfo(data).split(b"\0"):
        key, _, value = item.partition(b"=")
        if key == b"depends":
            return tuple(_name(name) for name in value.decode("ascii", "replace").split(",") if name)
    return ()


def _modinfo(data: bytes) -> bytes:
    """The section's bytes; layout of the headers: elf(5), Elf64_Ehdr and Elf64_Shdr."""
    if not data.startswith(_ELF64_LITTLE) or len(data) < 64:
        raise NotAModule("it does not start like a 64-bit ELF object")
    table, size, count, names_at = (
        struct.unpack_from("<Q", data, 40)[0],
        *struct.unpack_from("<HHH", data, 58),
    )
    if size != _SECTION.size or names_at >= count or table + count * size > len(data):
        raise NotAModule("its section headers lie outside the file")
    sections = [_SECTION.unpack_from(data, table + index * size) for index in range(count)]
    names = _contents(data, sections[names_at])
    for section in sections:
        if names[section[0] :].split(b"\0", 1)[0] == b".modinfo":
            return _contents(data, section)
    raise NotAModule("it has no .modinfo section")


def _contents(data: bytes, section: tuple[int, ...]) -> bytes:
    start, length = section[4], section[5]
    if start + length > len(data):
        raise NotAModule("a section lies outside the file: the file is cut short")
    return data[start : start + length]


def _built_in(directory: Path) -> frozenset[str]:
    listing = directory / "modules.builtin"
    if not listing.exists():
        return frozenset()
    return frozenset(_name(line.rsplit("/", 1)[-1]) for line in listing.read_text("utf-8").split())


def _name(text: str) -> str:
    return text.split(".ko", 1)[0].strip().replace("-", "_")


def _unpacked(path: Path) -> bytes:
    try:
        return _unpack(path.suffix, path.read_bytes())
    except (OSError, EOFError, ValueError, subprocess.SubprocessError) as error:
        missing_zstd = path.suffix == ".zst" and isinstance(error, FileNotFoundError)
        raise InfrastructureError(
            f"the kernel module {path} cannot be unpacked: {error}",
            hint="install the package `zstd`" if missing_zstd else "get its kernel again: `hil doctor --fix`",
        ) from error


def _unpack(suffix: str, data: bytes) -> bytes:
    """The module behind the compressions that Linux's CONFIG_MODULE_COMPRESS offers."""
    if suffix == ".ko":
        return data
    if suffix == ".xz":
        import lzma

        try:
            return lzma.decompress(data)
        except lzma.LZMAError as error:
            raise ValueError(str(error)) from error
    if suffix == ".gz":
        import gzip

        return gzip.decompress(data)
    if suffix == ".zst":
        return subprocess.run(
            ["zstd", "-dcq"], input=data, capture_output=True, check=True, timeout=_UNPACK_SECONDS
        ).stdout
    raise ValueError(f"nobody knows the suffix {suffix!r}")
