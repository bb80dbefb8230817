"""BOOT_ORDER: the boot modes of an EEPROM bootloader, one after the other, with their retries and restarts.

Raspberry Pi documentation, eeprom-bootloader.adoc (BOOT_ORDER, MAX_RESTARTS, *_MAX_RETRIES) and bootflow-eeprom.adoc,
"Second stage bootloader". Knows how modes follow each other, not how one boots.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from enum import IntEnum
from typing import Final, Protocol

from hil.sim.rom.eeprom import FOR_EVER, Eeprom
from hil.sim.rom.report import Report
from hil.sim.rom.seconds import Seconds
from hil.sim.rom.uart import Uart

# After each mode that failed it shows an error pattern on its light, and so comes back seconds later and not at once
# (raspberrypi/rpi-eeprom issue 140); how long one pattern takes is assumed.
_PATTERN_SECONDS: Final = 3.0


class Mode(IntEnum):
    """A boot mode, by its hex digit. The bootloader says their names so (raspberrypi/rpi-eeprom issues 376, 687)."""

    SD_DETECT = 0x0
    SD = 0x1
    NETWORK = 0x2
    RPIBOOT = 0x3
    USB_MSD = 0x4
    BCM_USB_MSD = 0x5
    NVME = 0x6
    HTTP = 0x7
    STOP = 0xE
    RESTART = 0xF

    @property
    def word(self) -> str:
        """As the bootloader writes it."""
        return "SD" if self is Mode.SD_DETECT else self.name.replace("_", "-")


_KNOWN: Final = frozenset(Mode)


class Modes(Protocol):
    """What boots in a mode."""

    async def sd(self) -> Report | None:
        """From the eMMC or SD card; None when there is nothing to boot."""
        ...

    async def network(self) -> Report | None:
        """From the network; None when that failed."""
        ...


def modes(order: int) -> Iterator[tuple[int, int]]:
    """Each digit of a BOOT_ORDER from the last to the first with the digits that are left, and after them a 0.

    With no digit left it is as though the next were 0: in a bootloader's log "Boot mode: SD (00) order 0" comes after
    "Boot mode: NETWORK (02) order 0".
    """
    while order:
        digit, order = order & 0xF, order >> 4
        yield digit, order
    yield 0, 0


async def boot(eeprom: Eeprom, what: Modes, uart: Uart, seconds: Seconds) -> Report:
    """Go through the boot modes until one boots, or none will.

    Args:
        eeprom: says which, and how often.
        what: boots.
        uart: what is said goes there.
        seconds: the board's.
    """
    restarts = 0
    while True:
        report = await _round(eeprom, what, uart, seconds)
        if report is not None:
            return report
        uart.line(f"Restart {restarts} max {eeprom.max_restarts}")
        if eeprom.max_restarts != FOR_EVER and restarts >= eeprom.max_restarts:
            return Report("reset", f"it has started over {restarts} times, as MAX_RESTARTS says")
        restarts += 1
        await seconds.rest(0.0)


async def _round(eeprom: Eeprom, what: Modes, uart: Uart, seconds: Seconds) -> Report | None:
    """All modes once; None at a RESTART."""
    for digit, left in modes(eeprom.boot_order):
        if digit not in _KNOWN:
            continue
        mode = Mode(digit)
        uart.line(f"Boot mode: {mode.word} ({digit:02x}) order {left:x}")
        match mode:
            case Mode.RESTART:
                return None
            case Mode.STOP:
                return Report("halted", "its BOOT_ORDER says stop")
            case Mode.RPIBOOT:
                return Report("halted", "it waits for a computer at its USB port, which has no time-out")
            case Mode.SD:
                report = await _tries(mode, eeprom.sd_retries, what.sd, uart, seconds)
            case Mode.SD_DETECT:
                report = await what.sd() or _insert(uart)
            case Mode.NETWORK:
                report = await _tries(mode, eeprom.net_retries, what.network, uart, seconds)
            case _:
                await _nothing_there(mode, uart, seconds)
                report = None
        if report is not None:
            return report
    raise AssertionError("the mode of no digit always ends")


async def _tries(
    mode: Mode, retries: int, attempt: Callable[[], Awaitable[Report | None]], uart: Uart, seconds: Seconds
) -> Report | None:
    tried = 0
    while True:
        report = await attempt()
        if report is not None:
            return report
        await seconds.rest(_PATTERN_SECONDS)
        if retries != FOR_EVER and tried >= retries:
            return None
        tried += 1
        uart.line(f"Retry {mode.word} {tried}")


def _insert(uart: Uart) -> Report:
    uart.line("Insert SD-CARD")
    return Report("halted", "its BOOT_ORDER has come to its end, and it waits for an SD card")


async def _nothing_there(mode: Mode, uart: Uart, seconds: Seconds) -> None:
    """A mode whose device the twin's board has none of: USB and NVMe disks, an HTTP server."""
    if mode in (Mode.USB_MSD, Mode.BCM_USB_MSD):
        # Default of USB_MSD_DISCOVER_TIMEOUT: 20000 ms (eeprom-bootloader.adoc).
        await seconds.spend(20.0)
        uart.line("USB MSD stopped. Timeout: 20 seconds")
    await seconds.rest(_PATTERN_SECONDS)
