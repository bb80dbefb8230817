"""The first words of firmwares, loaders and kernels on a console, and the MAC addresses that they say. Pure data.

Words that come once, at the very beginning: what a running system goes on to say is in no rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hil.console.garble import LEAST, looks_garbled
from hil.console.transcript import printable
from hil.timeline.console_marks import RULES
from hil.timeline.stages import FIRMWARE, IPXE, KERNEL

# Who prints what, beside those words that a boot's timeline knows.
_MORE: Final[dict[str, bytes]] = {
    "Raspberry Pi EEPROM (rpi-eeprom issues 376, 417, 559)": rb"RPi: BOOTLOADER release|RPi: BOOTSYS release",
    "Trusted Firmware-A (bl1_main.c, bl2_main.c, bl31_main.c)": rb"NOTICE:  BL(?:1|2|31): ",
    "U-Boot (lib/display_options.c), with its SPL (common/spl)": rb"U-Boot (?:SPL |TPL )?20[0-9]{2}\.[0-9]{2}",
    "Linux (kernel/printk/printk.c, CONFIG_PRINTK_TIME)": rb"\[    0\.000000\] \S[^\r\n]*",
}
_FIRST: Final = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        *_MORE.values(),
        *(rule.pattern.pattern for rule in RULES if rule.stage in (FIRMWARE, IPXE, KERNEL)),
    )
)

_PAIRS: Final = rb"((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})"
_MACS: Final = (
    re.compile(rb"^net[0-9]{1,2}: " + _PAIRS + rb" using ", re.MULTILINE),  # iPXE, src/usr/ifmgmt.c, ifstat
    re.compile(rb"(?:NET_BOOT|NETWORK): " + _PAIRS + rb" wait for link"),  # Raspberry Pi EEPROM, as above
    # EDK2, MdeModulePkg/Library/UefiBootManagerLib/BmBootDescription.c, BmGetNetworkDescription
    re.compile(rb"PXEv[46] \(MAC:([0-9A-Fa-f]{12})"),
)
_SHOWN: Final = 60
# Where few bytes came: of text heard at another one of twelve speeds, 1200 to 1500000 (the bits as hil.sim.uart has
# them), at most 80 % of 17 bytes or more are printable; of the text itself all but what a glitch left.
_OF_TEXT: Final = 0.9
_TEXT: Final = frozenset(b"\t\r\n\b\x1b" + bytes(range(0x20, 0x7F)))


@dataclass(frozen=True, slots=True)
class FirstWords:
    """The words that a machine began with.

    Args:
        at: where in the bytes they begin.
        words: themselves, safe to print, at most 60 characters.
    """

    at: int
    words: str


def first_words(data: bytes) -> FirstWords | None:
    """The earliest first words in some bytes of a console; None where there are none."""
    found = [match for pattern in _FIRST if (match := pattern.search(data))]
    if not found:
        return None
    earliest = min(found, key=lambda match: (match.start(), -match.end()))
    return FirstWords(earliest.start(), printable(earliest[0])[:_SHOWN].strip())


def mac_addresses(data: bytes) -> tuple[str, ...]:
    """The MAC addresses that a firmware or iPXE calls the machine's own, as a rig file writes them, each once."""
    found = (
        match[1].decode("ascii").replace(":", "").lower() for pattern in _MACS for match in pattern.finditer(data)
    )
    return tuple(dict.fromkeys(":".join(re.findall("..", digits)) for digits in found))


def is_text(data: bytes) -> bool:
    """Whether bytes are what a console says; not those of a line that is read at another speed, nor noise alone."""
    if len(data) >= LEAST:
        return not looks_garbled(data)
    return not data or sum(byte in _TEXT for byte in data) >= _OF_TEXT * len(data)
