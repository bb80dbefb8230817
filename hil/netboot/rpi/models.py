"""What the models of Raspberry Pi ask for by name when they boot over the network. Opens no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.config.rpi import BoardModel


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The names that a model's boot code knows by itself, before any config.txt.

    Args:
        start: its firmware.
        fixup: what belongs to that firmware.
        device_tree: what the firmware loads when config.txt names none.
        bootcode: what its ROM asks for first, without a prefix; "" where an EEPROM holds it.
        kernel: what the firmware starts in 64-bit mode when config.txt names none.
        mini_uart: whether the mini UART is on GPIO 14 and 15 unless an overlay puts the PL011 there.
        filters: the conditional filters of config.txt that it passes, without brackets.
        type: its number in revision codes, bits 4 to 11 of them.
    """

    start: str
    fixup: str
    device_tree: str
    bootcode: str
    kernel: str
    mini_uart: bool
    filters: frozenset[str]
    type: int


# Names: raspberrypi/documentation, boot_folder.adoc and config_txt/boot.adoc; bootcode.bin: boot-net.adoc. Filters:
# config_txt/conditional.adoc, "Model filters". Types: revision-codes.adoc. Device trees: raspberrypi/firmware, boot/.
# UARTs: uart.adoc, "Primary and secondary UART", which has no row of the CM4; it is taken for a Raspberry Pi 4.
MODELS: Final[dict[BoardModel, ModelFiles]] = {
    "cm4": ModelFiles(
        "start4.elf", "fixup4.dat", "bcm2711-rpi-cm4.dtb", "", "kernel8.img", True, frozenset({"pi4", "cm4"}), 0x14
    ),
    "pi4": ModelFiles(
        "start4.elf", "fixup4.dat", "bcm2711-rpi-4-b.dtb", "", "kernel8.img", True, frozenset({"pi4"}), 0x11
    ),
    "cm3": ModelFiles(
        "start.elf", "fixup.dat", "bcm2710-rpi-cm3.dtb", "bootcode.bin", "kernel8.img", False, frozenset({"pi3"}), 0x0A
    ),
    "cm3+": ModelFiles(
        "start.elf", "fixup.dat", "bcm2710-rpi-cm3.dtb", "bootcode.bin", "kernel8.img", False, frozenset({"pi3"}), 0x10
    ),
}
