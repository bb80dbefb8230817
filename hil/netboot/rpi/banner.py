"""What a Raspberry Pi's EEPROM bootloader says of itself on its UART: version, serial, BOOT_ORDER, how far it came.

Reads bytes and judges nothing (`hil.eeprom_check` does). Each fact keeps the line that it was read from. How far it
came is read by `hil.timeline.rpi_uart`; who it is, here, in lines of three ages: of 2019 (without "DATE:"), of 2020 to
2023 (all in one line), and of 2024 on (BOOTSYS before BOOTLOADER, a line of its own for the board). Sources:
raspberrypi/rpi-eeprom issues 376, 417, 588, raspberrypi/firmware issue 1575, raspberrypi/cmprovision issue 43.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from hil.console.transcript import printable
from hil.timeline.rpi_said import is_board_firmware
from hil.timeline.rpi_uart import Address, Answer, AwaitsLink, GaveUp, Has, Linked, Record, Trying, parse_line

MODES: Final[dict[int, str]] = {
    0x0: "SD CARD DETECT",
    0x1: "SD",
    0x2: "NETWORK",
    0x3: "RPIBOOT",
    0x4: "USB-MSD",
    0x5: "BCM-USB-MSD",
    0x6: "NVME",
    0x7: "HTTP",
    0xE: "STOP",
    0xF: "RESTART",
}
"""The digits of BOOT_ORDER (raspberrypi/documentation, eeprom-bootloader.adoc, BOOT_ORDER fields)."""

NETWORK: Final = 0x2
HTTP: Final = 0x7
_DIGITS: Final = 8
_LINES: Final = 4096
_MODES: Final = 64
_SHOWN: Final = 200

_TIME: Final = re.compile(r"^\s*(?:[0-9]{1,5}\.[0-9]{2}\s+)?")
_RELEASE: Final = re.compile(r"Pi: (BOOTLOADER|BOOTSYS) release VERSION:([0-9a-f]{8})\b")
_DAY: Final = re.compile(r"\b(20[0-9]{2})/([0-9]{2})/([0-9]{2})\b")
_OLD_DAY: Final = re.compile(r"\b([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) (20[0-9]{2})\b")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BOARD: Final = re.compile(r"\bserial ([0-9a-f]{8}) boardrev ([0-9a-f]{4,8})\b")
_OLD_BOARD: Final = re.compile(r"BUILD_TIMESTAMP=[0-9]{1,12} 0x([0-9a-f]{8}) 0x([0-9a-f]{8})\b")
_UNSUPPORTED: Final = re.compile(r"Unsupported boot order ([0-9a-f])\b")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was read.

    Args:
        value: it.
        line: the line that says so, safe to print.
    """

    value: str
    line: str


@dataclass(frozen=True, slots=True)
class BootMode:
    """One attempt of the bootloader.

    Args:
        digit: of BOOT_ORDER.
        name: as the bootloader calls it.
        rest: what of BOOT_ORDER is left after it.
        line: the line that says so.
    """

    digit: int
    name: str
    rest: int
    line: str


@dataclass(slots=True)
class Banner:
    """What was read of the first start in some bytes; None, or nothing, for what was not said.

    Args:
        parts: of the bootloader, in the order in which they spoke.
        version: eight hex digits, the beginning of a commit's.
        built: the day of the release, as 2021-07-06.
        serial: eight hex digits, small.
        revision: of the board, hex digits, without leading zeros.
        order: BOOT_ORDER, as 0xf21, where its first attempt was heard; without the digits that this board cannot do.
        modes: the attempts, the first ones of them.
        unsupported: digits of BOOT_ORDER that this board cannot do.
        mac: of its network port, where it tried the network.
        link: of its network port.
        offer: the address of the first DHCP server that it heard.
        lease: its own address and its TFTP server's.
        firmware: what it read to start next, from wherever.
        failed: its network boot gave up.
    """

    parts: tuple[str, ...] = ()
    version: Fact | None = None
    built: Fact | None = None
    serial: Fact | None = None
    revision: Fact | None = None
    order: Fact | None = None
    modes: list[BootMode] = field(default_factory=list)
    unsupported: list[int] = field(default_factory=list)
    mac: Fact | None = None
    link: Fact | None = None
    offer: Fact | None = None
    lease: Fact | None = None
    firmware: Fact | None = None
    failed: Fact | None = None

    @property
    def tried(self) -> BootMode | None:
        """Its first attempt to boot from the network."""
        return next((mode for mode in self.modes if mode.digit == NETWORK), None)


def read_banner(data: bytes) -> Banner:
    """What a bootloader said of itself.

    What counts is what was said first: after a reset BOOT_ORDER may be another one for once (`set_reboot_order`).

    Args:
        data: of a console, from power-on.
    """
    banner = Banner()
    # A line that has not ended yet may have half a number at its end.
    for line in data.split(b"\n", _LINES)[:-1]:
        shown = _TIME.sub("", printable(line[:_SHOWN]), count=1).rstrip()
        _identity(banner, shown)
        if (record := parse_line(line)) is not None:
            _course(banner, record, shown)
    return banner


def reaches_network(order: int) -> bool:
    """Whether a bootloader with this BOOT_ORDER comes to the network, should what is before it have nothing to boot.

    Its lowest digit is first; STOP and RESTART end a round, and RPIBOOT waits without end
    (raspberrypi/documentation, eeprom-bootloader.adoc).
    """
    for digit in digits_of(order):
        if digit == NETWORK:
            return True
        if digit in (0x3, 0xE, 0xF):
            return False
    return False


def digits_of(order: int) -> list[int]:
    """The digits of a BOOT_ORDER in the order in which they are tried; one 0 for 0."""
    return [int(digit, 16) for digit in reversed(f"{order:x}")]


def _identity(banner: Banner, line: str) -> None:
    if release := _RELEASE.search(line):
        banner.parts += (release[1],) if len(banner.parts) < _DIGITS else ()
        banner.version = banner.version or Fact(release[2], line)
        if (built := _built(line)) is not None:
            banner.built = banner.built or Fact(built.isoformat(), line)
    if board := _BOARD.search(line) or _OLD_BOARD.search(line):
        banner.serial = banner.serial or Fact(board[1], line)
        banner.revision = banner.revision or Fact(board[2].lstrip("0"), line)
    if (refused := _UNSUPPORTED.match(line)) and not banner.modes and len(banner.unsupported) < _DIGITS:
        banner.unsupported.append(int(refused[1], 16))


def _built(line: str) -> date | None:
    try:
        if day := _DAY.search(line):
            return date(int(day[1]), int(day[2]), int(day[3]))
        if (day := _OLD_DAY.search(line)) and day[1] in _MONTHS:
            return date(int(day[3]), _MONTHS.index(day[1]) + 1, int(day[2]))
    except ValueError:  # the thirtieth of February, in a line that noise changed
        return None
    return None


def _course(banner: Banner, record: Record, line: str) -> None:
    if isinstance(record, Trying):
        _attempt(banner, BootMode(record.code, record.name, int(record.order, 16), line))
    elif isinstance(record, AwaitsLink):
        banner.mac = banner.mac or Fact(record.mac, line)
    elif isinstance(record, Linked):
        banner.link = banner.link or Fact(record.words, line)
    elif isinstance(record, Answer):
        banner.offer = banner.offer or Fact(record.address, line)
    elif isinstance(record, Address):
        banner.lease = banner.lease or Fact(f"{record.address}, files from {record.server}", line)
    elif isinstance(record, Has) and is_board_firmware(record.file):
        banner.firmware = banner.firmware or Fact(record.file, line)
    elif isinstance(record, GaveUp) and banner.modes and banner.modes[-1].digit == NETWORK:
        banner.failed = banner.failed or Fact(record.words, line)


def _attempt(banner: Banner, attempt: BootMode) -> None:
    # Each attempt takes the lowest digit of BOOT_ORDER away.
    order = attempt.rest << 4 | attempt.digit
    if not banner.modes and "BOOTLOADER" in banner.parts and attempt.digit in MODES and order < 1 << 4 * _DIGITS:
        banner.order = Fact(f"{order:#x}", attempt.line)
    if len(banner.modes) < _MODES:
        banner.modes.append(attempt)
