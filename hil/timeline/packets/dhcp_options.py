"""DHCP options as a person reads them: names and texts of those that a network boot uses. Parses no message.

Names and layouts: RFC 2132, RFC 3004 (77), RFC 4578 (93, 94, 97), RFC 3442 (121); 175 is iPXE's own
(ipxe, src/include/ipxe/dhcp.h).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Final

from hil.timeline.packets.dhcp import TYPES, Message, user_class
from hil.timeline.packets.headers import address, plain

_MAX_SHOWN: Final = 256
"""Bytes of a value that are shown."""


def texts(message: Message) -> dict[str, str]:
    """Each option of a message by its number and name, in the order in which they were sent."""
    found = {}
    for code, value in message.options.items():
        name, read = _OPTIONS.get(code, ("", _hex))
        found[f"{code} {name}".rstrip()] = read(value[:_MAX_SHOWN])
    return found


def _hex(value: bytes) -> str:
    return value.hex(" ")


def _text(value: bytes) -> str:
    return plain(value.rstrip(b"\0"))


def _addresses(value: bytes) -> str:
    if not value or len(value) % 4:
        return _hex(value)
    return ", ".join(address(value[at : at + 4]) for at in range(0, len(value), 4))


def _number(value: bytes) -> str:
    return str(int.from_bytes(value, "big")) if value else ""


def _seconds(value: bytes) -> str:
    return f"{_number(value)} s"


def _type(value: bytes) -> str:
    return TYPES.get(value[0], str(value[0])) if value else ""


def _arch(value: bytes) -> str:
    """RFC 4578, 2.1; numbers: IANA, "Processor Architecture Types"."""
    codes = [int.from_bytes(value[at : at + 2], "big") for at in range(0, len(value) - 1, 2)]
    return ", ".join(f"{code} {_ARCHES[code]}" if code in _ARCHES else str(code) for code in codes)


def _client_id(value: bytes) -> str:
    """RFC 2132, 9.14: a hardware address after its type, or anything."""
    return value[1:].hex(":") if len(value) == 7 and value[0] == 1 else _hex(value)


def _machine(value: bytes) -> str:
    """RFC 4578, 2.3. A UUID's first three fields are little-endian, as SMBIOS has them; so iPXE and EDK2 send it."""
    return str(uuid.UUID(bytes_le=value[1:])) if len(value) == 17 and value[0] == 0 else _hex(value)


def _undi(value: bytes) -> str:
    """RFC 4578, 2.2."""
    return f"UNDI {value[1]}.{value[2]}" if len(value) == 3 and value[0] == 1 else _hex(value)


def _list(value: bytes) -> str:
    return " ".join(map(str, value))


_ARCHES: Final[Mapping[int, str]] = {
    0: "x86 BIOS",
    6: "x86 UEFI",
    7: "x64 UEFI",
    9: "EBC",
    10: "arm 32 UEFI",
    11: "arm 64 UEFI",
    15: "x86 UEFI HTTP",
    16: "x64 UEFI HTTP",
    18: "arm 32 UEFI HTTP",
    19: "arm 64 UEFI HTTP",
    22: "arm 64 U-Boot",
    27: "riscv64 UEFI",
}
_OPTIONS: Final[Mapping[int, tuple[str, Callable[[bytes], str]]]] = {
    1: ("subnet mask", _addresses),
    3: ("routers", _addresses),
    6: ("DNS servers", _addresses),
    12: ("host name", _text),
    13: ("boot file size", _number),
    15: ("domain", _text),
    17: ("root path", _text),
    26: ("MTU", _number),
    28: ("broadcast", _addresses),
    42: ("NTP servers", _addresses),
    43: ("vendor-specific", _hex),
    50: ("requested address", _addresses),
    51: ("lease time", _seconds),
    52: ("overload", _number),
    53: ("DHCP message type", _type),
    54: ("DHCP server", _addresses),
    55: ("parameter list", _list),
    56: ("message", _text),
    57: ("largest message", _number),
    58: ("renewal time", _seconds),
    59: ("rebinding time", _seconds),
    60: ("vendor class", _text),
    61: ("client identifier", _client_id),
    66: ("TFTP server", _text),
    67: ("boot file", _text),
    77: ("user class", user_class),
    93: ("client architecture", _arch),
    94: ("client interface", _undi),
    97: ("client machine", _machine),
    119: ("domain search", _hex),
    121: ("classless routes", _hex),
    175: ("iPXE", _hex),
}
