"""Reads the lines that a Raspberry Pi's own bootloaders print on its UART; makes no marks of them.

They are words of closed programs, known from what people have shown of them. Sources, each an issue on GitHub:
raspberrypi/rpi-eeprom 376 and 417 (2021, 2022: no times), 687 and raspberrypi/cmprovision 43 (2024: seconds before
most lines), rpi-eeprom 621 and 68 (what fails), raspberrypi/firmware 1487 and 1953 (a start from a card), and firmware
898, 941 and 1292 (bootcode.bin of a BCM2837). The seconds go back where BOOTSYS hands over, so nobody reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

BOOTCODE: Final = "Bootcode"
"""What a BCM2837's bootcode.bin calls itself."""

_TIME: Final = rb"^[ \t]*(?:\d{1,5}\.\d\d[ \t]+)?"
_MAC: Final = rb"((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})"
_ADDRESS: Final = rb"([0-9a-fA-F.:]{2,39})"
_FILE: Final = rb"([^\s,]{1,250})"


@dataclass(frozen=True, slots=True)
class Started:
    """A bootloader began.

    Args:
        program: "BOOTSYS" and after it "BOOTLOADER", or the latter alone; of a BCM2837 `BOOTCODE`.
        version: of it, "" where it says none.
    """

    program: str
    version: str


@dataclass(frozen=True, slots=True)
class Trying:
    """It turns to one device of its BOOT_ORDER.

    Args:
        name: "NETWORK", "SD", "BCM-USB-MSD", ...
        code: the digit of BOOT_ORDER.
        order: the digits that are left, hexadecimal.
    """

    name: str
    code: int
    order: str


@dataclass(frozen=True, slots=True)
class AwaitsLink:
    """It waits until its port has a link; `mac` is the port's, "" where it does not say."""

    mac: str


@dataclass(frozen=True, slots=True)
class Linked:
    """Its port has a link; `words` are its own."""

    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A DHCP server's message begins: who sent it."""

    mac: str
    address: str


@dataclass(frozen=True, slots=True)
class Option:
    """The DHCP message has this option."""

    number: int


@dataclass(frozen=True, slots=True)
class Dump:
    """Bytes of the option, as it shows them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """It has an address and a server to fetch from; `address` is "" where it does not say."""

    address: str
    server: str


@dataclass(frozen=True, slots=True)
class Asks:
    """It asks for a file over the network."""

    file: str


@dataclass(frozen=True, slots=True)
class Has:
    """It has a file, from wherever."""

    file: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The TFTP server answered with an error.

    Args:
        code: of RFC 1350, 5.
        words: the server's own; dnsmasq's name the file by its path on the server.
    """

    code: int
    words: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """It gave up this device; `words` are its own."""

    words: str


Record = Started | Trying | AwaitsLink | Linked | Answer | Option | Dump | Address | Asks | Has | Refused | GaveUp


def _text(value: bytes | None) -> str:
    return (value or b"").decode("ascii", "replace")


def _dump(match: re.Match[bytes]) -> Record:
    return Dump(bytes.fromhex(_text(match[1])))


_RULES: Final[tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], Record]], ...]] = tuple(
    (re.compile(_TIME + pattern), made)
    for pattern, made in (
        # The line's first letter may be lost while the line settles.
        (rb"R?Pi: (BOOTSYS|BOOTLOADER) release VERSION:([0-9a-f]{8})\b", lambda m: Started(_text(m[1]), _text(m[2]))),
        (rb"Raspberry Pi (Bootcode)\s*$", lambda m: Started(_text(m[1]), "")),
        (
            rb"Boot mode: ([A-Z0-9-]{1,20}) \(([0-9a-f]{2})\) order ([0-9a-f]{1,8})\b",
            lambda m: Trying(_text(m[1]), int(m[2], 16), _text(m[3])),
        ),
        (rb"(?:NET_BOOT|NETWORK):? " + _MAC + rb" wait for link", lambda m: AwaitsLink(_text(m[1]).lower())),
        (rb"Wait for Link up", lambda m: AwaitsLink("")),
        (rb"(LINK STATUS: speed: \d{1,5} \w+ duplex|Link ready|Link up)\b", lambda m: Linked(_text(m[1]))),
        (rb"DHCP src: " + _MAC + rb" " + _ADDRESS, lambda m: Answer(_text(m[1]).lower(), _text(m[2]))),
        (rb"op: {1,2}(\d{1,3}) len:", lambda m: Option(int(m[1]))),
        (rb"[0-9a-f]{8}  ((?:[0-9a-f]{2} {1,2}){1,16})", _dump),
        (
            rb"NET (?!0\.0\.0\.0 )" + _ADDRESS + rb" [^\r\n]{0,80}?\btftp " + _ADDRESS,
            lambda m: Address(_text(m[1]), _text(m[2])),
        ),
        (rb"Done ARP for " + _ADDRESS + rb" got " + _MAC, lambda m: Address("", _text(m[1]))),
        (rb"TFTP_GET: \S{1,40} \S{1,40} " + _FILE, lambda m: Asks(_text(m[1]))),
        (rb"Read " + _FILE + rb" bytes +\d{1,12} hnd ", lambda m: Has(_text(m[1]))),
        (rb"Read File: " + _FILE + rb", \d{1,12}", lambda m: Has(_text(m[1]))),
        (rb"MESS:[0-9:.]{1,24} brfs: File read: /mfs/sd/" + _FILE, lambda m: Has(_text(m[1]))),
        (rb"TFTP:? (\d): ([^\r\n]{1,250})", lambda m: Refused(int(m[1]), _text(m[2]).strip())),
        (
            rb"(NETBOOT init failed|NETBOOT CANCEL|Firmware not found|Failed to initialise link)",
            lambda m: GaveUp(_text(m[1])),
        ),
    )
)


def parse_line(line: bytes) -> Record | None:
    """What a line says of a bootloader's course; None for a line that says nothing of it.

    Args:
        line: one line, with or without its end.
    """
    for pattern, made in _RULES:
        if (match := pattern.match(line)) is not None:
            return made(match)
    return None
