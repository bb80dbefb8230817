"""One DHCP message as it stands in a datagram (RFC 2131, 2132): its fields and options. Knows no conversation.

An option that is too long for one stands there in parts (RFC 3396), and `file` and `sname` may hold options too
(option 52, RFC 2132 9.3). How options read for a person is in `dhcp_options`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hil.timeline.packets.headers import address, plain

SERVER_PORT: Final = 67
PORTS: Final = frozenset((67, 68, 4011))
"""DHCP servers, clients, and boot servers of PXE 2.1."""

TYPES: Final = {
    1: "DISCOVER",
    2: "OFFER",
    3: "REQUEST",
    4: "DECLINE",
    5: "ACK",
    6: "NAK",
    7: "RELEASE",
    8: "INFORM",
}
_FIXED: Final = struct.Struct(">BBBxI4x4s4s4s4x16s64s128s4s")
_MAGIC: Final = b"\x63\x82\x53\x63"
_PAD, _END = 0, 255
_OVERLOAD, _TYPE, _SERVER, _VENDOR_CLASS, _SERVER_NAME, _BOOT_FILE = 52, 53, 54, 60, 66, 67
_USER_CLASS, _ARCH, _IPXE = 77, 93, 175
_ROM: Final = "PXEClient:Arch:00000"
_NO_ADDRESS: Final = bytes(4)


class Client(Enum):
    """Which program of a machine asks. ROM says that it is an x86 PC's BIOS (architecture 0 of RFC 4578, 2.1), as a
    Raspberry Pi's bootloader does too (raspberrypi/documentation, boot-net.adoc).
    """

    ROM = "bootloader"
    FIRMWARE = "firmware"
    IPXE = "ipxe"
    SYSTEM = "system"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Args:
        kind: "DISCOVER", "OFFER", ...
        from_client: whether a client sent it.
        xid: of the exchange.
        mac: of the client, as "52:54:00:12:34:56".
        asked: the address that the client has already, or None.
        given: the address that it is given, or None.
        next_server: from which the boot file is to be had, or None.
        file: BOOTP's boot file; "" where there is none.
        options: values by option's number, parts of one put together.
    """

    kind: str
    from_client: bool
    xid: int
    mac: str
    asked: str | None
    given: str | None
    next_server: str | None
    file: str
    options: Mapping[int, bytes]

    @property
    def server(self) -> str | None:
        """The server that says so of itself (option 54)."""
        value = self.options.get(_SERVER, b"")
        return address(value) if len(value) == 4 else None

    @property
    def boot_file(self) -> str | None:
        """The boot file: option 67, else BOOTP's."""
        return plain(self.options.get(_BOOT_FILE, b"").rstrip(b"\0")) or self.file or None

    @property
    def arch(self) -> int | None:
        """The client's architecture, the first that it names (option 93, RFC 4578 2.1)."""
        value = self.options.get(_ARCH, b"")
        return int.from_bytes(value[:2], "big") if len(value) >= 2 else None

    @property
    def vendor_class(self) -> str | None:
        """Option 60."""
        value = self.options.get(_VENDOR_CLASS)
        return None if value is None else plain(value)

    @property
    def user_class(self) -> str | None:
        """Option 77."""
        value = self.options.get(_USER_CLASS)
        return None if value is None else user_class(value)

    @property
    def client(self) -> Client:
        """Who asks, as far as a client's own message tells."""
        if not self.from_client:
            return Client.UNKNOWN
        if _IPXE in self.options or "iPXE" in (self.user_class or ""):
            return Client.IPXE
        if (self.vendor_class or "").startswith(_ROM):
            return Client.ROM
        if (self.vendor_class or "").startswith(("PXEClient", "HTTPClient")):
            return Client.FIRMWARE
        return Client.SYSTEM


def user_class(value: bytes) -> str:
    """Option 77 as text: each class after its length (RFC 3004, 4), or as it is, which is how iPXE sends it."""
    classes, at = [], 0
    while at < len(value) and value[at]:
        classes.append(value[at + 1 : at + 1 + value[at]])
        at += 1 + value[at]
    if classes and at == len(value):
        return ", ".join(map(plain, classes))
    return plain(value)


def parse(data: bytes) -> Message | None:
    """The message in a datagram's payload; None for what is none, or lacks its type (BOOTP).

    Args:
        data: the payload.
    """
    if len(data) < _FIXED.size:
        return None
    op, _, size, xid, asked, given, following, hardware, sname, file, magic = _FIXED.unpack_from(data)
    if magic != _MAGIC or op not in (1, 2):
        return None
    options: dict[int, bytes] = {}
    _options(data[_FIXED.size :], options)
    overload = options.get(_OVERLOAD, b"")
    used = overload[0] if overload else 0
    # RFC 3396, 5: first `file`, then `sname`.
    if used & 1:
        _options(file, options)
    if used & 2:
        _options(sname, options)
    kind = options.get(_TYPE, b"")
    if len(kind) != 1 or kind[0] not in TYPES:
        return None
    return Message(
        kind=TYPES[kind[0]],
        from_client=op == 1,
        xid=xid,
        mac=hardware[: min(size, 16)].hex(":"),
        asked=None if asked == _NO_ADDRESS else address(asked),
        given=None if given == _NO_ADDRESS else address(given),
        next_server=None if following == _NO_ADDRESS else address(following),
        file="" if used & 1 else plain(file.split(b"\0", 1)[0]),
        options=options,
    )


def _options(data: bytes, into: dict[int, bytes]) -> None:
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            return
        into[data[at]] = into.get(data[at], b"") + data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
