"""A guest's disks: how each is attached, what Linux calls it, and the file behind it. Partitions and formats nothing.

A disk is empty at the bench's start and lasts as long as the bench: what a machine installs is there after a power
cycle, and gone with the bench.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from hil.errors import InfrastructureError
from hil.machine import Disk

Bus: TypeAlias = Literal["mmc", "nvme", "virtio"]
"""How a disk is attached: as an SD card, as an NVMe drive, or as QEMU's own."""

DEFAULT_SIZE: Final = 16 << 30
"""Bytes: enough for Talos's partitions, and a power of two, which an SD card of QEMU has to have."""


@dataclass(frozen=True, slots=True)
class AttachedDisk:
    """One disk of one guest.

    Args:
        bus: how it is attached.
        size: bytes.
        file: what holds its bytes.
    """

    bus: Bus
    size: int
    file: Path


def device_names(buses: Sequence[Bus]) -> tuple[str, ...]:
    """What Linux calls disks that are attached in this order.

    Source: Linux 6.1, Documentation/admin-guide/devices.txt; drivers/nvme/host/core.c (an instance is a controller,
    and its first namespace is n1); drivers/mmc/core/block.c (the number of the host). Numbers follow the order of the
    PCI slots.
    """
    seen: Counter[str] = Counter()
    names = []
    for bus in buses:
        number = seen[bus]
        seen[bus] += 1
        shapes = {"mmc": f"mmcblk{number}", "nvme": f"nvme{number}n1", "virtio": f"vd{chr(ord('a') + number)}"}
        names.append(f"/dev/{shapes[bus]}")
    return tuple(names)


def named(disks: Sequence[AttachedDisk]) -> tuple[Disk, ...]:
    """The disks as a machine's part tells them."""
    names = device_names([disk.bus for disk in disks])
    return tuple(Disk(name, disk.size) for name, disk in zip(names, disks, strict=True))


def make_missing(disks: Sequence[AttachedDisk]) -> None:
    """Make the files that are not there yet: all hole, so that a disk takes the room that is written to it.

    Raises:
        InfrastructureError: a file cannot be made.
    """
    for disk in disks:
        if disk.file.exists():
            continue
        try:
            with disk.file.open("xb") as stream:
                stream.truncate(disk.size)
        except OSError as error:
            raise InfrastructureError(
                f"the disk {disk.file} of {disk.size} bytes cannot be made: {error.strerror}",
                hint="write a smaller size under the node's `disks:`, or set XDG_RUNTIME_DIR to a folder with room",
            ) from error
