"""The QEMU command line is a pure function; each option that a boot depends on is there."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from hil.machine import Identity
from hil.machines.qemu.command import Hardware, command, quoted
from hil.machines.qemu.disks import AttachedDisk, Bus

HARDWARE = Hardware(
    qemu=Path("/usr/bin/qemu-system-aarch64"),
    accel="tcg",
    cpu="cortex-a57",
    cpus=2,
    memory=1 << 30,
    code=Path("/fw/code,1.fd"),
    variables=Path("/run/node1-vars.fd"),
)
IDENTITY = Identity("52:54:00:12:34:56", "6f6d0f4e-0000-4000-8000-000000000001", "HIL,1")


def built() -> list[str]:
    return command("hil-node1", HARDWARE, IDENTITY, ["-netdev", "user,id=net0"], serial="s:n", qmp="q:n")


def value(option: str, number: int = 0) -> str:
    arguments = built()
    places = [index for index, item in enumerate(arguments) if item == option]
    return arguments[places[number] + 1]


def test_the_machine_is_what_the_rig_says() -> None:
    assert built()[0] == "/usr/bin/qemu-system-aarch64"
    assert value("-machine") == "virt,accel=tcg"
    assert value("-cpu") == "cortex-a57"
    assert value("-smp") == "2"
    assert value("-m") == "size=1048576k"


def test_its_selectors_are_its_own() -> None:
    assert value("-uuid") == IDENTITY.uuid
    assert value("-smbios") == "type=1,serial=HIL,,1"
    assert "mac=52:54:00:12:34:56" in value("-device", 1)
    assert "romfile=," in value("-device", 1)


def test_sockets_come_from_the_keeper() -> None:
    assert value("-chardev") == "socket,id=serial0,fd={fd:s:n},server=on,wait=on"
    assert value("-chardev", 1) == "socket,id=qmp0,fd={fd:q:n},server=on,wait=off"


def test_a_comma_in_a_path_does_not_end_the_option() -> None:
    assert quoted(Path("/a,b")) == "/a,,b"
    assert value("-drive").endswith("readonly=on,file=/fw/code,,1.fd")
    assert value("-drive", 1) == "if=pflash,format=raw,unit=1,file=/run/node1-vars.fd"


def with_disks(*buses: Bus) -> list[str]:
    disks = tuple(AttachedDisk(bus, 1 << 30, Path(f"/run/n,{number}.raw")) for number, bus in enumerate(buses))
    hardware = replace(HARDWARE, disks=disks)
    return command("hil-node1", hardware, IDENTITY, ["-netdev", "user,id=net0"], serial="s:n", qmp="q:n")


def test_disks_come_after_the_network_port_and_are_not_tried_before_it() -> None:
    arguments = with_disks("mmc", "nvme", "virtio")
    devices = [word for option, word in pairwise(arguments) if option == "-device"]
    assert devices[:2] == [value("-device"), value("-device", 1)]
    assert devices[2:] == [
        "sdhci-pci",
        "sd-card,bus=sd-bus,drive=disk0",
        "nvme,drive=disk1,serial=hil-disk1",
        "virtio-blk-pci,drive=disk2,serial=hil-disk2",
    ]
    assert [word for word in devices if "bootindex" in word] == [devices[1]]
    assert "if=none,id=disk0,format=raw,discard=unmap,file=/run/n,,0.raw" in arguments


def test_a_guest_without_disks_has_none() -> None:
    assert with_disks() == built()
