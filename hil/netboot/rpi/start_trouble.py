"""Why a Raspberry Pi does not come to the network at all, or comes there and says nothing of it on its UART.

Each of these looks at what is known and returns the trouble, or None. A silent UART has three causes, which the wire
tells apart: nothing runs there, the bootloader is told to be silent, or config.txt gives the pins another UART.
Sources: raspberrypi/documentation, eeprom-bootloader.adoc (BOOT_UART, BOOT_ORDER, what starts a bootloader again),
cm-bootloader.adoc (nRPIBOOT), boot-net.adoc (BCM2837: OTP, LAN951x), configuration/uart.adoc;
raspberrypi/firmware issue 1575 (a console that is silent from a network boot on).
"""

from __future__ import annotations

from typing import Final

from hil.netboot.rpi.advice import has_eeprom
from hil.netboot.rpi.banner import HTTP
from hil.netboot.rpi.dhcp_trouble import by_others, if_one_is_it
from hil.netboot.rpi.known import Known
from hil.timeline.rpi_said import is_board_firmware
from hil.timeline.trouble import Trouble

_LOOP: Final = 3
_SET_ORDER: Final = "set BOOT_ORDER=0xf2 in its EEPROM (`hil doctor --rig` says how)"
_UART: Final = (
    "config.txt needs enable_uart=1 and dtoverlay=disable-bt (or miniuart-bt), or the pins have the mini UART, which a"
    " kernel of Talos does not speak; `hil lint raspberry` reads it"
)


def starts_again(known: Known) -> Trouble | None:
    """Its bootloader's first words came again and again, and no kernel between them."""
    # What Matchbox gave it may start it again, and not say so; and its bootloader starts itself again where it found
    # nothing to boot (REBOOT_ON_FATAL_ERROR, MAX_RESTARTS). Neither is a matter of power.
    if known.said.starts < _LOOP or known.said.rounds >= _LOOP - 1 or known.past("profile", "kernel"):
        return None
    return Trouble(
        "brown-out",
        f"its bootloader started {known.said.starts} times since power-on, and no kernel ran between: most often its"
        f" supply breaks down under load{_metered(known)}",
        hint="try a supply of 3 A with a short thick cable, and without what hangs on its USB; if it goes on, another"
        " contact or board. A watchdog that is set in its EEPROM (BOOT_WATCHDOG_TIMEOUT), and its start after an error"
        " (REBOOT_ON_FATAL_ERROR), look the same",
    )


def no_network_in_order(known: Known) -> Trouble | None:
    """Its BOOT_ORDER has no network in it, of which it shows what is left at each try."""
    said = known.said
    trying = said.trying
    if trying is None or said.knows_network or known.past("rom-lease"):
        return None
    # A line that noise changed may have been the one that turns to the network; HTTP, too, uses the port.
    used = said.awaits_link or said.linked or said.rounds or known.asked_for_address
    if used and trying.code != HTTP:
        return None
    return Trouble(
        "BOOT_ORDER without network",
        f"its bootloader tries {trying.name} (order {trying.order} is left) and will not try the network",
        hint=_SET_ORDER,
    )


def boots_elsewhere(known: Known) -> Trouble | None:
    """It starts what is in its eMMC or on a card."""
    found = next((where for file, where in known.said.elsewhere if is_board_firmware(file)), "")
    linux = known.past("kernel") and not known.past("rom-lease", "board-firmware", "profile")
    heard = known.heard
    unasked = heard is not None and not heard.asked
    running = heard is not None and heard.systems and not known.past("rom-lease", "board-firmware", "pxe", "profile")
    if not found and not (unasked and (linux or running)):
        return None
    seen = "its kernel runs" if linux else "a system on it asks for an address"
    where = (
        f"from {found}"
        if found
        else f"from its eMMC, a card or a disk: {seen}, and its bootloader asked for no address"
    )
    return Trouble(
        "boots from elsewhere",
        f"it boots {where} and not over the network",
        hint=f"{_first(known)}take the card out, or empty the eMMC",
    )


def nothing_runs(known: Known) -> Trouble | None:
    """Neither its UART nor the wire has a word of it."""
    if not known.silent or known.asked_for_address or known.past("rom-lease", "board-firmware", "armstub", "profile"):
        return None
    wire = "" if known.heard is None else f", and it asked for nothing on the wire{by_others(known)}"
    return Trouble(
        "no sign of life",
        f"nothing came from its console{wire}{_metered(known)}",
        hint=f"{if_one_is_it(known)}no power, no link, or it boots from elsewhere: see its lamps, and those of its"
        f" network port. {_looks_the_same(known)}",
    )


def mute_bootloader(known: Known) -> Trouble | None:
    """Its bootloader asks on the wire, and its UART has no word of that."""
    if not known.silent or known.past("profile") or not (known.asked_for_address or known.past("rom-lease")):
        return None
    return Trouble(
        "silent bootloader",
        f"nothing came from its console, though it speaks on the wire{_last_file(known)}",
        hint=f"{_to_speak(known)} RX and TX of the cable are swapped, or it is not on GPIO 14 and 15",
    )


def mute_kernel(known: Known) -> Trouble | None:
    """It fetched everything up to its kernel, and its UART has no word of it from its firmware on."""
    if not known.past("profile") or known.shown & {"firmware", "pxe", "nbp", "ipxe", "kernel", "userspace"}:
        return None
    since = "" if known.silent else " after its bootloader"
    cable = "see RX and TX of the cable, and that it is on GPIO 14 and 15; besides, " if known.silent else ""
    return Trouble(
        "silent console",
        f"nothing came from its console{since}, though it fetched all up to what Matchbox has for it",
        hint=f"{cable}{_UART}; see also console= in the kernel's arguments",
    )


def mute_firmware(known: Known) -> Trouble | None:
    """It has UEFI or U-Boot, which neither speaks on the UART nor asks for anything on the wire."""
    if not known.past("armstub") or known.past("firmware", "pxe", "nbp", "ipxe", "profile", "kernel"):
        return None
    return Trouble(
        "silent firmware",
        "it has UEFI or U-Boot, which says nothing on its console and asks for nothing on the wire",
        hint=f"it did not start, or has another UART and no network driver: {_UART}; and see that it is for this"
        " model",
    )


def _first(known: Known) -> str:
    """Comes before the advice about other devices: a BCM2837's order is in its ROM, and the network comes last."""
    return f"{_SET_ORDER}; or " if has_eeprom(known.pi.model) else ""


def _looks_the_same(known: Known) -> str:
    if not has_eeprom(known.pi.model):
        return (
            "A BCM2837 whose OTP does not say that it boots from the network looks the same (`hil doctor --rig` says"
            " how it is set), and so does one whose carrier has no LAN9512 or LAN9514"
        )
    jumper = (
        "A module whose nRPIBOOT is held low (CM4 IO board: J2) waits for USB. " if known.pi.model == "cm4" else ""
    )
    return f"{jumper}An EEPROM that is empty or set otherwise looks the same: {_SET_ORDER}"


def _to_speak(known: Known) -> str:
    if has_eeprom(known.pi.model):
        return "set BOOT_UART=1 in its EEPROM (`hil doctor --rig` says how); if it is,"
    return "a BCM2837's ROM never speaks, and what comes after it where config.txt has uart_2ndstage=1; if it has,"


def _metered(known: Known) -> str:
    read = known.meter()
    return f" ({read})" if read else ""


def _last_file(known: Known) -> str:
    sent = [] if known.heard is None else known.heard.sent
    return f" and has {sent[-1]}" if sent else ""
