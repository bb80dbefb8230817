"""The stages of a network boot, in order, as data: what a mark of each one means. Recognises nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.config.rpi import BoardModel


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a boot.

    Args:
        name: as it stands in records and tables.
        doc: what has happened when this stage has a mark.
    """

    name: str
    doc: str


POWER = Stage("power", "the machine was switched on")
EEPROM = Stage("eeprom", "the first words of the board's own bootloader on the console")
LINK = Stage("link", "the board's network port has a link")
ROM_LEASE = Stage("rom-lease", "the board's own bootloader has an address and a server")
BOARD_FIRMWARE = Stage("board-firmware", "the board's own bootloader has start4.elf or start.elf")
ARMSTUB = Stage("armstub", "the board has the program that its ARM cores start: RPI_EFI.fd or u-boot.bin")
FIRMWARE = Stage("firmware", "the firmware's first words on the console")
PXE = Stage("pxe", "the firmware asks for an address and a boot file")
NBP = Stage("nbp", "the firmware has the network boot program")
IPXE = Stage("ipxe", "iPXE runs")
PROFILE = Stage("profile", "Matchbox chose a profile for this machine")
KERNEL_FETCHED = Stage("kernel-fetched", "iPXE has the whole kernel")
INITRD_FETCHED = Stage("initrd-fetched", "iPXE has the last initial RAM disk")
KERNEL = Stage("kernel", "the kernel runs")
USERSPACE = Stage("userspace", "the first process of the image runs")
READY = Stage("ready", "the image does what its owner calls ready")

STAGES = (POWER, FIRMWARE, PXE, NBP, IPXE, PROFILE, KERNEL_FETCHED, INITRD_FETCHED, KERNEL, USERSPACE, READY)
BEFORE_IMAGE = (EEPROM, LINK, ROM_LEASE, BOARD_FIRMWARE, ARMSTUB, FIRMWARE)
"""Those of a Raspberry Pi to which nothing of an image has come yet."""
RPI_STAGES = (POWER, *BEFORE_IMAGE, *STAGES[2:])
"""Those of a Raspberry Pi with a bootloader in EEPROM (BCM2711)."""
RPI3_STAGES = (POWER, ROM_LEASE, BOARD_FIRMWARE, ARMSTUB, *STAGES[1:])
"""Those of a BCM2837, whose boot ROM says nothing on a console."""

ATTACHED = Stage("attached", "the bench began to watch a machine that ran already")
CONFIG = Stage("config", "Matchbox gave a machine configuration to this machine")
DHCP_OFFER = Stage("dhcp-offer", "a DHCP server made an offer")
LEASE = Stage("lease", "a DHCP server gave an address")
RESET = Stage("reset", "the machine started again by itself or was reset")
SHUTDOWN = Stage("shutdown", "the machine switched itself off or was stopped")
LINK_DOWN = Stage("link-down", "its network cable was pulled")
LINK_UP = Stage("link-up", "its network cable was plugged in")
CONSOLE_LOST = Stage("console-lost", "the line to its console went away; what it says until it is back is not heard")
CONSOLE_BACK = Stage("console-back", "the line to its console is back")
PAUSE = Stage("pause", "the machine stands still")
RESUME = Stage("resume", "the machine goes on")


def stages_of(model: BoardModel | None) -> tuple[Stage, ...]:
    """The stages that a boot of a machine has.

    Args:
        model: of a Raspberry Pi whose own bootloader boots over the network; None for any other machine.
    """
    if model is None:
        return STAGES
    return RPI3_STAGES if model in ("cm3", "cm3+") else RPI_STAGES


def awaited_after(names: set[str], stages: Sequence[Stage] = STAGES) -> Stage | None:
    """The stage that comes next, given the names of those that have a mark; None after the last.

    Args:
        names: of the stages that were reached.
        stages: those of this machine, in order.
    """
    reached = max((number for number, stage in enumerate(stages) if stage.name in names), default=-1)
    return stages[reached + 1] if reached + 1 < len(stages) else None
