"""What boards were seen to ask for, in that order, and what a laid tree has of it.

The requests are from issue threads and documents, none from hil's own code or twin: raspberrypi/rpi-eeprom issues 74
(probes with a prefix, then without where nothing is under it) and 87 (what is sent in a boot that succeeds),
raspberrypi/firmware issue 754 (a Raspberry Pi 3, by dnsmasq's log) and raspberrypi/documentation, boot-net.adoc.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.config.rig import Where
from hil.config.rpi import RpiConfig
from hil.netboot.rpi.firmware import tree_of
from hil.netboot.rpi.tree import lay
from hil.sim.rom import stand_in
from hil.tools.cache import Cache
from hil.tools.progress import quiet

S = "d9780558"
HAS, HAS_NOT = True, False

# Issue 74's order with start4.elf found at once; issue 87's order of what was sent, UEFI in place of its kernel.
CM4 = [
    (f"{S}/start4.elf", HAS),
    (f"{S}/config.txt", HAS),
    (f"{S}/recover4.elf", HAS_NOT),
    (f"{S}/recovery.elf", HAS_NOT),
    (f"{S}/start4.elf", HAS),
    (f"{S}/fixup4.dat", HAS),
    (f"{S}/config.txt", HAS),
    (f"{S}/config.txt", HAS),
    (f"{S}/bcm2711-rpi-cm4.dtb", HAS),
    (f"{S}/config.txt", HAS),
    (f"{S}/overlays/disable-bt.dtbo", HAS),
    (f"{S}/cmdline.txt", HAS_NOT),
    (f"{S}/RPI_EFI.fd", HAS),
    # Asked for only where nothing is under the prefix: another board's bootloader must not find them here.
    *((name, HAS_NOT) for name in ("config.txt", "recover4.elf", "recovery.elf", "start4.elf", "start.elf")),
]
CM3 = [
    ("bootcode.bin", HAS),
    ("bootsig.bin", HAS_NOT),
    (f"{S}/start.elf", HAS),
    (f"{S}/autoboot.txt", HAS_NOT),
    (f"{S}/config.txt", HAS),
    (f"{S}/recovery.elf", HAS_NOT),
    (f"{S}/start.elf", HAS),
    (f"{S}/fixup.dat", HAS),
    ("start.elf", HAS_NOT),
    ("config.txt", HAS_NOT),
]


@pytest.mark.parametrize(("model", "via", "requests"), [("cm4", "uefi", CM4), ("cm3", "u-boot", CM3)])
def test_each_request_is_answered_as_the_board_needs(
    tmp_path: Path, model: str, via: str, requests: list[tuple[str, bool]]
) -> None:
    keys = {"model": model, "via": via, "serial": S, "firmware": "twin:firmware"}
    tree = tree_of(
        RpiConfig.model_validate(keys),
        "dc:a6:32:01:36:c2",
        at=lambda *keys: Where(tmp_path, 0, 0, ""),
        cache=Cache(tmp_path / "cache"),
        deadline=Deadline.after(10),
        progress=quiet,
        stand_in=stand_in.make(tmp_path, model),
    )
    root = tmp_path / "tftp"
    root.mkdir()
    lay(tree, root)
    assert [(name, (root / name).is_file()) for name, _ in requests] == requests
