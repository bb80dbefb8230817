"""What a guest is made of on this host: its QEMU, firmware and accelerator, found. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.machines.qemu.command import Hardware
from hil.machines.qemu.disks import AttachedDisk
from hil.tools import accelerator, programs


@dataclass(frozen=True, slots=True)
class Found:
    """The hardware of a guest, and what a record says of it.

    Args:
        hardware: its file of EDK2's variables does not exist yet.
        fresh_variables: EDK2's empty variables, which that file is to be a copy of.
        facts: accelerator and versions.
    """

    hardware: Hardware
    fresh_variables: Path
    facts: Mapping[str, object]


def find_hardware(
    node: str, directory: Path, *, cpus: int, memory: int, disks: tuple[AttachedDisk, ...] = ()
) -> Found:
    """Find them.

    Args:
        node: whose; its files are named after it.
        directory: where its own files are.
        cpus: virtual CPUs.
        memory: bytes.
        disks: its disks, in order.

    Raises:
        InfrastructureError: QEMU or its firmware is missing.
    """
    qemu, edk2 = programs.qemu(), programs.edk2()
    chosen = accelerator.choose(qemu, edk2)
    variables = directory / f"{node}-vars.fd"
    facts = {
        "accelerator": f"{chosen.accel} {chosen.cpu}",
        "accelerator_why": chosen.why,
        "qemu": ".".join(map(str, qemu.version)),
        "edk2": edk2.version,
    }
    hardware = Hardware(qemu.path, chosen.accel, chosen.cpu, cpus, memory, edk2.code, variables, disks)
    return Found(hardware, edk2.vars, facts)
