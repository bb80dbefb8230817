"""The rig keys of a QEMU node. Pydantic is imported here and nowhere else in this folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from hil.config.model import Fault, Model, Size
from hil.config.rig import NodeConfig
from hil.config.units import format_size
from hil.machines.qemu.disks import DEFAULT_SIZE, Bus, device_names


def _disk(value: object) -> object:
    return {"bus": value} if isinstance(value, str) else value


def _disks(value: object) -> object:
    return (value,) if isinstance(value, str | Mapping) else value


class DiskConfig(Model):
    """One disk, empty when the bench is opened and gone with it."""

    bus: Bus = Field(description="how it is attached: mmc, nvme or virtio")
    size: Annotated[Size, Field(ge=1 << 20, le=2 << 40)] = Field(
        DEFAULT_SIZE, description="its size, as 16GiB; it takes the room that is written to it"
    )


_Written: TypeAlias = Bus | DiskConfig
_Disk: TypeAlias = Annotated[DiskConfig, BeforeValidator(_disk, json_schema_input_type=_Written)]
_Disks: TypeAlias = Annotated[
    tuple[_Disk, ...], BeforeValidator(_disks, json_schema_input_type=_Written | tuple[_Written, ...])
]


class Config(NodeConfig):
    """A QEMU `virt` guest that boots EDK2."""

    kind: Literal["qemu"] = Field(description="a QEMU virt guest")
    cpus: Annotated[int, Field(ge=1, le=64)] = Field(1, description="virtual CPUs")
    memory: Size = Field(1 << 30, description="the guest's memory, as 1GiB; EDK2 and a 30 MB kernel need 512MiB")
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (),
        description="TCP ports of the guest that a test reaches; the image's own ready port is always one",
    )
    disks: _Disks = Field(
        (),
        max_length=8,
        description="its disks: mmc (/dev/mmcblk0), nvme (/dev/nvme0n1) or virtio (/dev/vda), one or a list, or"
        " {bus: nvme, size: 32GiB}",
    )

    def devices(self) -> tuple[str, ...]:
        """What Linux calls its disks."""
        return device_names([disk.bus for disk in self.disks])

    def faults(self) -> Iterator[Fault]:
        """SD cards that QEMU has not: a second one (the bus of its controller has one name), one of another size."""
        yield from super().faults()
        cards = [index for index, disk in enumerate(self.disks) if disk.bus == "mmc"]
        for index in cards[1:]:
            yield Fault(("disks", index), "a guest has one mmc disk at most", "take nvme or virtio for the others")
        for index in cards:
            size = self.disks[index].size
            if size & (size - 1):
                message = f"the size {format_size(size)} of an mmc disk is no power of two"  # hw/sd/sd.c, sd_realize
                yield Fault(("disks", index, "size"), message, f"write {format_size(1 << size.bit_length())}")
