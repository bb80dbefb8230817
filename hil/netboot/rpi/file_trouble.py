"""Why a Raspberry Pi with an address does not come to UEFI or U-Boot: files that are elsewhere, missing or unfit.

Each of these looks at what is known and returns the trouble, or None. Sources: raspberrypi/documentation,
eeprom-bootloader.adoc (TFTP_PREFIX; what is under no prefix) and config_txt/boot.adoc; raspberrypi/firmware issue 1012
(a config.txt without effect); rpi-eeprom pull request 17 (start4.elf without a network driver).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from hil.netboot.rpi.known import Known
from hil.netboot.rpi.models import MODELS
from hil.timeline.rpi_said import is_armstub, is_board_firmware
from hil.timeline.trouble import Trouble

_SERIAL: Final = re.compile(r"[0-9a-f]{8}")
_BY_BOOTLOADER: Final = re.compile(r"fixup\w*\.dat|config\.txt")
_KERNEL: Final = re.compile(r"kernel\w*\.img")
_AFTER_FIRMWARE: Final = ("armstub", "firmware", "pxe", "nbp", "ipxe", "profile", "kernel")


def other_folder(known: Known) -> Trouble | None:
    """It asks for its firmware in another folder than the one that it is served."""
    if known.past("board-firmware") or known.firmware_missing or not known.folders:
        return None
    folder = known.folders[0]
    where = f"in the folder {folder}/" if folder else "in no folder"
    if _SERIAL.fullmatch(folder):
        hint = (
            f"write `serial: {folder}` in the node's `rpi:` section, if that is the board on this port; else swap the"
        )
        hint += " cables"
    else:
        hint = "set TFTP_PREFIX=0 in the configuration in its EEPROM, so that it asks by its serial number"
    return Trouble(
        "wrong serial directory",
        f"it asks for its files {where}, and the rig file says that its serial number is {known.pi.serial}",
        hint=hint,
    )


def no_firmware(known: Known) -> Trouble | None:
    """Its own firmware, or the boot code of a BCM2837, is not among what it is served."""
    if known.past("board-firmware"):
        return None
    model = MODELS[known.pi.model]
    if model.bootcode and model.bootcode in known.lacks:
        missing = model.bootcode
    elif known.firmware_missing:
        missing = f"{known.pi.serial}/{model.start}"
    else:
        return None
    return Trouble(
        "start.elf missing" if model.bootcode else "start4.elf missing",
        f"it asked for {missing}, which it starts first, and what it is served has no such file",
        hint="see that the archive that the rig names as `firmware:` holds it, or name the file in `rpi: files:`",
    )


def no_armstub(known: Known) -> Trouble | None:
    """Its firmware asked for UEFI or U-Boot, which is not there."""
    missing = sorted(file for file in known.lacks_of_tree if is_armstub(file))
    if not missing or known.past("armstub"):
        return None
    return Trouble(
        "armstub missing",
        f"its firmware asked for {missing[0]}, which its config.txt names, and what it is served has no such file",
        hint="see that the archive that the rig names as `firmware:` holds it, and that the node's `via:` says what is"
        " in that archive",
    )


def broken_off(known: Known) -> Trouble | None:
    """A file of its own came in part."""
    file, why = known.broken
    if not file or known.past(*_AFTER_FIRMWARE):
        return None
    how = f"the bench could not read it: {why}" if why else "it fell silent before it had the whole"
    return Trouble(
        "transfer broken off",
        f"it asked for {file} by TFTP, and {how}",
        hint="see its cable and the switch: a file's long packets may be lost where short ones are not, as by a bad"
        " cable, or where the MTU of a link between is too small",
    )


def config_without_effect(known: Known) -> Trouble | None:
    """Its firmware goes on as if there were no config.txt."""
    asked = sorted(file for file in known.lacks_of_tree if _KERNEL.fullmatch(file))
    if not asked or known.past(*_AFTER_FIRMWARE):
        return None
    return Trouble(
        "config.txt has no effect",
        f"its firmware asked for {asked[0]} and not for what its config.txt names: config.txt had no effect",
        hint="over the network it is ignored where it is longer than 4096 bytes, and where the TFTP server does not"
        " acknowledge a block size; see that nothing between board and bench answers TFTP, and `hil lint raspberry`",
    )


def firmware_without_network(known: Known) -> Trouble | None:
    """It has its firmware, and then fetches nothing."""
    if not known.past("board-firmware") or known.past(*_AFTER_FIRMWARE):
        return None
    start = MODELS[known.pi.model].start
    after = _fetched_by_firmware(known)
    if after:
        return Trouble(
            "firmware stands still",
            f"its firmware fetched {after}, and nothing after it that it could start",
            hint="see what config.txt has it start (`armstub` or `kernel`; `hil lint raspberry` reads it), and that"
            f" {start}, its fixup file and the device tree are of one release and for this model",
        )
    return Trouble(
        "firmware without network",
        f"it has {start} and fetched nothing after it that it could start",
        hint=f"take {start} and its fixup file from one release, not cut down (start4cd.elf) and of 2020 or later:"
        " older ones have no network driver",
    )


def nothing_comes(known: Known) -> Trouble | None:
    """It has an address, and no file comes."""
    if not known.past("rom-lease") or known.past("board-firmware", *_AFTER_FIRMWARE):
        return None
    got = known.got
    came = f"and has {got[-1]}, and no firmware" if got else "and no file"
    last = f"; the last that it asked for is {known.said.asked[-1]}" if known.said.asked else ""
    words = f"; the server's answer: {known.said.refused[-1]}" if known.said.refused else ""
    return Trouble(
        "no file comes",
        f"its bootloader has an address, {came} came to it by TFTP{last}{words}",
        hint="see that no firewall of this host or switch holds up UDP port 69 and what answers from other ports",
    )


def _fetched_by_firmware(known: Known) -> str:
    """The last file that came after its firmware, or "". The bootloader fetches the fixup file and config.txt."""
    names = [file for file in known.heard.sent if file.startswith(f"{known.pi.serial}/")] if known.heard else []
    starts = [number for number, file in enumerate(names) if is_board_firmware(file)]
    later = names[starts[-1] + 1 :] if starts else []
    return next((file for file in reversed(later) if not _BY_BOOTLOADER.fullmatch(PurePosixPath(file).name)), "")
