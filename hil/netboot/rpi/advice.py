"""What to write into a Raspberry Pi's EEPROM so that it boots from the network, and how. Text: nothing here flashes.

Sources: raspberrypi/documentation, eeprom-bootloader.adoc (BOOT_UART, BOOT_ORDER, `rpi-eeprom-config`),
compute-module/cm-bootloader.adoc and cm-emmc-flashing.adoc (Compute Modules: rpiboot, nRPIBOOT, EEPROM_nWP, no
recovery.bin from eMMC), raspberry-pi/boot-net.adoc (BCM2837: OTP); raspberrypi/usbboot, recovery/README.md.
"""

from __future__ import annotations

from typing import Final

from hil.config.rpi import BoardModel

BOOT_CONF: Final = ("[all]", "BOOT_UART=1", "BOOT_ORDER=0xf2")
"""The lines of an EEPROM's configuration that a bench needs; what else stands there may stay."""

ABOUT_ORDER: Final = (
    "0xf2 tries the network alone, again and again: what a bench wants, also when the eMMC holds a system;"
    " 0xf21 tries the SD card or eMMC first, and the network when nothing boots there"
)

_CM4: Final = (
    "power off; fit the jumper that pulls nRPIBOOT low (CM4 IO board: J2, `disable eMMC boot`), and see that"
    " EEPROM_nWP is not pulled low",
    "connect the carrier's USB device port (CM4 IO board: J11) to a computer with raspberrypi/usbboot, and power on",
    "in usbboot/recovery: put the lines above into boot.conf, run ./update-pieeprom.sh, then ../rpiboot -d .",
    "power off, take the jumper out, and run this again",
    "a recovery.bin on the eMMC does not do it: a CM4's ROM never runs one from there, and rpi-eeprom-update is"
    " switched off on it",
)
_PI4: Final = (
    "boot Raspberry Pi OS on it, from a card",
    "sudo -E rpi-eeprom-config --edit, put the lines above into it, save, and reboot once",
    "power off, take the card out, and run this again",
)
_OTP: Final = (
    "a BCM2837 has no EEPROM: whether it boots from the network is one bit of OTP memory, set once and for ever",
    "put program_usb_boot_mode=1 into config.txt of its SD card or eMMC, boot it once, and take the line out again",
    "vcgencmd otp_dump | grep 17: must then show 3020000a",
    "a Compute Module 3 or 3+ has no Ethernet: its carrier needs a LAN9512 or LAN9514 on the module's USB",
)


def has_eeprom(model: BoardModel) -> bool:
    """Whether a model's bootloader is in an EEPROM (BCM2711), and not in ROM and OTP (BCM2837)."""
    return model in ("cm4", "pi4")


def how_to_set(model: BoardModel) -> tuple[str, ...]:
    """The steps to make a board boot from the network, each a sentence; the lines above are those of `BOOT_CONF`.

    Args:
        model: of the board.
    """
    if not has_eeprom(model):
        return _OTP
    return _CM4 if model == "cm4" else _PI4
