"""What differs between the twin's Raspberry Pi models after their ROM: names of files, and the UART on the pins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Model:
    """A board's.

    Args:
        start: firmware files, the one that is looked for first first.
        fixup: what goes with it.
        device_tree: of the board.
        arm_64bit: what `arm_64bit` is where config.txt does not say.
        kernel_32: the kernel of 32 bits.
        stub_32: the boot stub that is looked for where config.txt names none, for 32 bits.
        stub_64: as `stub_32`, for 64 bits.
        pl011_on_pins: whether GPIO 14 and 15 are the PL011's without an overlay.
    """

    start: tuple[str, ...]
    fixup: str
    device_tree: str
    arm_64bit: bool
    kernel_32: str
    stub_32: str
    stub_64: str
    pl011_on_pins: bool


# Sources: configuration/boot_folder.adoc (firmware files, device trees); config_txt/boot.adoc (kernels, arm_64bit: 1
# on a Pi 4 and CM4 in its later editions, 0 elsewhere); raspberrypi/firmware issue 1292 (armstub7.bin), and
# raspberrypi/tools, armstubs/Makefile (the names of the others); configuration/uart.adoc, "Primary and Secondary UART"
# (on a CM3 the PL011 is the primary one, on a Pi 4 the mini UART; it names no CM4, which is taken as a Pi 4).
_BCM2837: Final = ("kernel7.img", "armstub7.bin", "armstub8.bin")
_BCM2711: Final = ("kernel7l.img", "armstub8-32-gic.bin", "armstub8-gic.bin")
_FOUR: Final = ("start4.elf", "start.elf")
MODELS: Final = {
    "cm4": Model(_FOUR, "fixup4.dat", "bcm2711-rpi-cm4.dtb", True, *_BCM2711, pl011_on_pins=False),
    "pi4": Model(_FOUR, "fixup4.dat", "bcm2711-rpi-4-b.dtb", True, *_BCM2711, pl011_on_pins=False),
    "cm3": Model(("start.elf",), "fixup.dat", "bcm2710-rpi-cm3.dtb", False, *_BCM2837, pl011_on_pins=True),
    "cm3+": Model(("start.elf",), "fixup.dat", "bcm2710-rpi-cm3.dtb", False, *_BCM2837, pl011_on_pins=True),
}
"""Each by its name in a rig file."""
