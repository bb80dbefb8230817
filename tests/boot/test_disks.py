"""A guest with a disk of each kind still boots from the network, and Linux finds its SD card where hil says.

The kernel is that of Debian's installer: the probe's has no driver for SD cards. The other disks are looked at in
`test_qemu`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.rigs import write_rig

from hil.bench import open_bench
from hil.config.rig import load_rig
from hil.machine import Disks
from hil.tools import programs

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

PROMPT = "~ # "
DISKS = ["mmc", {"bus": "nvme", "size": "4GiB"}, "virtio"]


def test_linux_finds_the_card_under_its_name(tmp_path: Path, installer: programs.DebianInstaller) -> None:
    image = {
        "kind": "files",
        "kernel": str(installer.kernel),
        "initrd": str(installer.initrd),
        "args": ["console=ttyAMA0", "rdinit=/bin/sh"],
        "ready": {"console": r"can't access tty"},
    }
    node = {"kind": "qemu", "image": "shell", "disks": DISKS, "boot_within": "240s"}
    file = write_rig(tmp_path, {"hil": 1, "images": {"shell": image}, "nodes": {"node1": node}})
    rig = load_rig(file, cwd=tmp_path)
    with open_bench(rig, artifacts=tmp_path / "records") as bench:
        node1 = bench.nodes["node1"]
        node1.ensure()
        assert "pxe" in [mark.stage for mark in node1.timeline]
        node1.console.expect(PROMPT, within=60)
        for command in ("mount -t sysfs s /sys; mount -t devtmpfs d /dev", "modprobe -a sdhci_pci mmc_block"):
            node1.console.run(command, prompt=PROMPT, within=60)
        loop = "until [ -b /dev/mmcblk0 ]; do :; done; cat /sys/class/block/mmcblk0/size"
        said = node1.console.run(loop, prompt=PROMPT, within=60).decode()
        disk = node1.machine.part(Disks).disks[0]  # type: ignore[type-abstract]
        assert disk.device == "/dev/mmcblk0"
        # In sectors of 512 bytes, whatever the disk's own are (Linux, Documentation/ABI/stable/sysfs-block).
        assert str(disk.size // 512) in said.split()
