"""DHCP's option 43 as a Raspberry Pi's bootloader wants it: a PXE boot menu of one entry. Sends nothing.

Its form is PXE 2.1's (section 2.4.5, table 2-1): sub-options of a number, a length and a value, closed by 255. Its
bytes are those of the answer in Raspberry Pi's documentation (boot-net.adoc, "DHCP Request / Reply"), which dnsmasq
made, and which a Raspberry Pi 4 gets in a capture (Technitium DnsServer, issue 183).
"""

from __future__ import annotations

from typing import Final

from hil.config.rpi import BoardModel

BCM2837: Final[frozenset[BoardModel]] = frozenset(("cm3", "cm3+"))
"""The boards whose bootloader stands in the chip itself, a BCM2837 or BCM2837B0."""

_DISCOVERY_CONTROL, _BOOT_MENU, _MENU_PROMPT, _END = 6, 9, 10, 255
# No broadcast and no multicast to find boot servers by: the one that answers is the one.
_NO_SEARCH: Final = b"\x03"
# A prompt that waits 0 seconds, and its text.
_PROMPT: Final = b"\x00PXE"
_LOCAL_BOOT: Final = b"\x00\x00"


def menu_entry(model: BoardModel) -> str:
    """The entry's words, which a bootloader looks for, and without which it asks on.

    A BCM2837 miscounts them and needs three spaces more; it was mended in the BCM2837B0 of a CM3+ (boot-net.adoc,
    "Raspberry Pi Boot string"), which takes them with the spaces too, as every board does (ltsp, pull request 417).
    The EEPROM of newer boards can be told of other words (eeprom-bootloader.adoc, PXE_OPTION43): here it must not be.

    Args:
        model: of the board.
    """
    return "Raspberry Pi Boot" + (" " * 3 if model in BCM2837 else "")


def value(model: BoardModel) -> bytes:
    """The option's value: 32 bytes, or 35 for a BCM2837.

    Args:
        model: of the board.
    """
    words = menu_entry(model).encode("ascii")
    entry = _LOCAL_BOOT + bytes((len(words),)) + words
    parts = ((_DISCOVERY_CONTROL, _NO_SEARCH), (_MENU_PROMPT, _PROMPT), (_BOOT_MENU, entry))
    return b"".join(bytes((number, len(part))) + part for number, part in parts) + bytes((_END,))
