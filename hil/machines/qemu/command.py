"""The QEMU command line of a `virt` guest, as one pure function. Starts nothing and looks at no file.

Which options make a network boot quick or slow was measured on QEMU 7.2 with EDK2 2022.11; each such option says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.machine import Identity
from hil.machines.qemu.disks import AttachedDisk


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the guest is made of.

    Args:
        qemu: the program.
        accel: "kvm" or "tcg".
        cpu: QEMU's CPU model and its flags.
        cpus: virtual CPUs.
        memory: bytes.
        code: the EDK2 code image, read only.
        variables: the EDK2 variables, this guest's own copy.
        disks: its disks, in order.
    """

    qemu: Path
    accel: str
    cpu: str
    cpus: int
    memory: int
    code: Path
    variables: Path
    disks: tuple[AttachedDisk, ...] = ()


def quoted(value: str | Path) -> str:
    """A value inside a QEMU option: a comma is written twice (qemu(1), "-drive")."""
    return str(value).replace(",", ",,")


def command(
    name: str,
    hardware: Hardware,
    identity: Identity,
    netdev: Sequence[str],
    *,
    serial: str,
    qmp: str,
    capture: Sequence[str] = (),
) -> list[str]:
    """The arguments, with `{fd:KEY}` where the keeper puts a listening socket's descriptor.

    Args:
        name: the guest's name, shown in a process list.
        hardware: what it is made of.
        identity: its MAC, UUID and SMBIOS serial number.
        netdev: the segment's `-netdev` option and its value; its id is "net0".
        serial: the keeper's key of the console's socket.
        qmp: the keeper's key of the control channel's socket.
        capture: what makes QEMU pass on the packets of "net0", or nothing.
    """
    return [
        str(hardware.qemu),
        "-name", quoted(name),
        "-nodefaults", "-no-user-config", "-display", "none",
        "-machine", f"virt,accel={hardware.accel}",
        "-cpu", hardware.cpu,
        "-smp", str(hardware.cpus),
        "-m", f"size={hardware.memory // 1024}k",
        "-uuid", identity.uuid,
        "-smbios", f"type=1,serial={quoted(identity.serial)}",
        "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={quoted(hardware.code)}",
        "-drive", f"if=pflash,format=raw,unit=1,file={quoted(hardware.variables)}",
        # EDK2 waits 5 s for a key without a menu time-out; with 0 it takes 1.0 s to PXE instead of 6.1 s.
        "-boot", "menu=on,splash-time=0",
        # iPXE takes its seed from EFI_RNG; without one it gathers timer ticks: 4.3 s before its banner, not 0.35 s.
        "-device", "virtio-rng-pci",
        *netdev,
        *capture,
        # EDK2 has its own virtio-net driver; the default option ROM is x86 code.
        "-device", f"virtio-net-pci,netdev=net0,id=nic0,mac={identity.mac},romfile=,bootindex=0",
        # After the network port, whose place on the bus, and so whose name in Linux, stays as it is without disks.
        *_disk_options(hardware.disks),
        # The keeper has connected before QEMU starts, so `wait=on` waits for nobody and no byte is lost.
        "-chardev", f"socket,id=serial0,fd={{fd:{serial}}},server=on,wait=on",
        "-serial", "chardev:serial0",
        "-chardev", f"socket,id=qmp0,fd={{fd:{qmp}}},server=on,wait=off",
        "-mon", "chardev=qmp0,mode=control",
    ]  # fmt: skip


def _disk_options(disks: Sequence[AttachedDisk]) -> Iterator[str]:
    """None has a bootindex: EDK2 tries the network, which has one, before them."""
    for number, disk in enumerate(disks):
        ident = f"disk{number}"
        yield from ("-drive", f"if=none,id={ident},format=raw,discard=unmap,file={quoted(disk.file)}")
        if disk.bus == "mmc":
            # The bus of QEMU's SD host controller is always called so, which is why a guest has one (hw/sd/sdhci.c).
            yield from ("-device", "sdhci-pci", "-device", f"sd-card,bus=sd-bus,drive={ident}")
        elif disk.bus == "nvme":
            yield from ("-device", f"nvme,drive={ident},serial=hil-{ident}")
        else:
            yield from ("-device", f"virtio-blk-pci,drive={ident},serial=hil-{ident}")
