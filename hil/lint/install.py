"""What Talos's validation does not look at in `machine.install`: the disk's path, and what no bootloader heeds.

Talos looks at the path when it installs, on the machine; a path that names no disk ends in a reboot loop there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from hil.config.suggest import did_you_mean
from hil.config.tree import YamlEntry, YamlList, YamlMapping, YamlScalar, quoted
from hil.lint.documents import MAIN, Document, entry_at
from hil.lint.finding import Finding, Severity

# Linux, Documentation/admin-guide/devices.txt; a whole disk, then a part of one.
_DISK: Final = re.compile(
    r"/dev/(?:(?:[shv]|xv)d[a-z]{1,3}|nvme\d+n\d+|mmcblk\d+|md\d+|dm-\d+|nbd\d+|rbd\d+|pmem\d+|ublkb\d+"
    r"|mapper/[\w.+:-]+|disk/by-[a-z]+/[^/\s]+)"
)
_PARTITION: Final = re.compile(r"(/dev/(?:(?:[shv]|xv)d[a-z]{1,3}|(?:nvme\d+n\d+|mmcblk\d+|md\d+)(?=p)))p?\d+")
_PARTITION_LINK: Final = re.compile(r"(/dev/disk/by-(?:id|path)/\S+)-part\d+|/dev/disk/by-(?:part)?(?:label|uuid)/\S+")
# Names by which Linux numbers what it finds; a link under /dev/disk names what only the machine itself knows.
_NUMBERED: Final = re.compile(r"/dev/(?:(?:[shv]|xv)d[a-z]{1,3}|nvme\d+n\d+|mmcblk\d+)")
_CONTROLLER: Final = re.compile(r"/dev/nvme\d+")
_NO_TARGET: Final = re.compile(r"/dev/(?:sr\d+|fd\d+|loop\d+|ram\d+|zram\d+|mmcblk\d+boot\d+|null|zero)")

# Machinery v1.13.9, config/types/v1alpha1: InstallDiskSelector, InstallDiskSizeMatcher (go-humanize's units) and
# DiskMatchExpression, which refuses a name.
_SELECTOR_KEYS: Final = ("size", "name", "model", "serial", "modalias", "uuid", "wwid", "type", "busPath")
_TYPES: Final = ("ssd", "hdd", "nvme", "sd")
_SIZE: Final = re.compile(r"(?:>=|<=|>|<|==)?\s*[\d,]+(?:\.\d*)?\s*(?:[kmgtpe]?i?b|[kmgtpe]i?)?", re.IGNORECASE)
_TRUE: Final = ("true", "yes", "on", "y")


def check(documents: Sequence[Document]) -> Iterator[Finding]:
    """What is wrong in `machine.install` of the main document."""
    for document in documents:
        install = document.at("machine", "install")
        if document.kind == MAIN and install is not None and isinstance(install.node, YamlMapping):
            disk, selector = entry_at(install.node, "disk"), entry_at(install.node, "diskSelector")
            if disk is not None:
                yield from _disk(disk, overruled=selector is not None)
            if selector is not None and isinstance(selector.node, YamlMapping):
                yield from _selector(selector.node)
            yield from _kernel_arguments(install.node)


def check_nodes(documents: Sequence[Document], nodes: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Whether `install.disk` is a disk of one of the nodes that may get the configuration.

    Args:
        documents: those of one file.
        nodes: what Linux calls the disks of each node, by its name.
    """
    for document in documents:
        disk = document.at("machine", "install", "disk")
        path = disk.node.value if disk is not None and isinstance(disk.node, YamlScalar) else None
        overruled = document.at("machine", "install", "diskSelector") is not None
        if disk is None or not isinstance(path, str) or overruled or not _NUMBERED.fullmatch(path):
            continue
        if nodes and not any(path in devices for devices in nodes.values()):
            has = "; ".join(f"{name} has {', '.join(devices) or 'no disk'}" for name, devices in nodes.items())
            hint = "name a disk that the machine has, or give the node that disk by `disks:` in the rig file"
            message = f"{path} is a disk of no node: {has}"
            yield Finding(Severity.WARNING, "install-disk", disk.node.place, message, hint, path)


def _disk(disk: YamlEntry, *, overruled: bool) -> Iterator[Finding]:
    path = disk.node.value if isinstance(disk.node, YamlScalar) else None
    if not isinstance(path, str) or not path:
        return  # Talos says this itself
    if overruled:
        message = "diskSelector is there as well, and Talos heeds it alone"
        yield Finding(Severity.WARNING, "install-disk", disk.key_place, message, "delete one of the two", "disk:")
    found = _path(path)
    if found is not None:
        severity, message, hint = found
        yield Finding(severity, "install-disk", disk.node.place, message, hint, path[:100])


def _path(path: str) -> tuple[Severity, str, str] | None:
    """What is wrong with the path of a disk, and what to write; None for nothing."""
    shown = quoted(path)
    if part := _PARTITION.fullmatch(path) or _PARTITION_LINK.fullmatch(path):
        hint = f"write {part[1]}" if part[1] else "name the disk by /dev/disk/by-id/..., or use diskSelector"
        return Severity.ERROR, f"{shown} names a partition; Talos partitions the disk itself", hint
    if _NO_TARGET.fullmatch(path):
        return Severity.ERROR, f"{shown} is not a disk that Talos can be installed to", "name the machine's disk"
    if _CONTROLLER.fullmatch(path):
        return Severity.ERROR, f"{shown} names an NVMe controller, not a disk", f"write {path}n1"
    if not path.startswith("/dev/") or path == "/dev/" or "/../" in path:
        return Severity.ERROR, f"{shown} is not the path of a disk", "a disk is /dev/..., as /dev/sda or /dev/nvme0n1"
    if not _DISK.fullmatch(path):
        hint = "as /dev/sda, /dev/vda, /dev/nvme0n1, /dev/mmcblk0 or /dev/disk/by-id/..."
        return Severity.WARNING, f"no driver of Linux that hil knows names a disk {shown}", hint
    return None


def _selector(selector: YamlMapping) -> Iterator[Finding]:
    for key, entry in selector.entries.items():
        value = entry.node.value if isinstance(entry.node, YamlScalar) else None
        text = "" if value is None else str(value)
        if key not in _SELECTOR_KEYS:
            hint = did_you_mean(key, _SELECTOR_KEYS, what="a disk is selected by")
            message = f"a disk is not selected by {quoted(key)}"
            yield Finding(Severity.ERROR, "disk-selector", entry.key_place, message, hint, f"{key}:")
        elif key == "size" and not _SIZE.fullmatch(text.strip()):
            hint = "as '4GB', '> 1TB' or '<= 2TiB'"
            message = f"{quoted(text)} is not a size to compare with"
            yield Finding(Severity.ERROR, "disk-selector", entry.node.place, message, hint, text[:40])
        elif key == "type" and text not in _TYPES:
            message = f"{quoted(text)} is not a type of disk, so no disk matches"
            hint = did_you_mean(text, _TYPES, what="types")
            yield Finding(Severity.ERROR, "disk-selector", entry.node.place, message, hint, text[:40])
        elif key == "name" and text:
            message = "Talos does not select by name any more, and refuses it"
            hint = "use `disk:`, or select by serial, wwid or busPath"
            yield Finding(Severity.ERROR, "disk-selector", entry.key_place, message, hint, "name:")


def _kernel_arguments(install: YamlMapping) -> Iterator[Finding]:
    arguments, uki = entry_at(install, "extraKernelArgs"), entry_at(install, "grubUseUKICmdline")
    if arguments is None or not isinstance(arguments.node, YamlList) or not arguments.node.items:
        return
    value = uki.node.value if uki is not None and isinstance(uki.node, YamlScalar) else False
    rule, place, words = "kernel-arguments", arguments.key_place, "extraKernelArgs:"
    if str(value).casefold() in _TRUE:
        # Machinery v1.13.9, v1alpha1_validation.go; the generator of 1.13 sets grubUseUKICmdline.
        message = "extraKernelArgs and grubUseUKICmdline exclude each other"
        hint = "delete extraKernelArgs: the arguments belong into the image (Image Factory: extraKernelArgs)"
        yield Finding(Severity.ERROR, rule, place, message, hint, words)
    else:
        # Machinery v1.13.9, imager/quirks: since 1.10 a machine with UEFI boots by systemd-boot alone.
        message = "only GRUB heeds extraKernelArgs: a machine with UEFI boots by systemd-boot, with the image's own"
        hint = "put them into the image (Image Factory: extraKernelArgs); a PXE boot takes those of Matchbox's profile"
        yield Finding(Severity.WARNING, rule, place, message, hint, words)
