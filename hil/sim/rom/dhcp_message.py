"""DHCP messages of a Raspberry Pi as bytes: what it asks, in its order, and what it understands of an answer.

Source: RFC 2131 (the format), RFC 2132 (options), RFC 4578 (options 93, 94, 97). The order and the values: for BCM2711
rpi-eeprom issue 58 (a dissected DISCOVER, of the 322 bytes that TechnitiumSoftware/DnsServer issue 183 shows too), for
BCM2837 raspberrypi/documentation, boot-net.adoc, and the bytes in raspberrypi/firmware issue 862.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from socket import inet_aton, inet_ntoa
from typing import Final

DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
SUBNET_MASK, ROUTER, VENDOR, ADDRESS, TYPE, SERVER, REQUESTED = 1, 3, 43, 50, 53, 54, 55
CLASS, TFTP_NAME, ARCHITECTURE, INTERFACE, GUID = 60, 66, 93, 94, 97
_PAD, _END = 0, 255

BCM2711_REQUESTS: Final = (1, 3, 43, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135)
BCM2837_REQUESTS: Final = (43, 60, 67, 128, 129, 130, 131, 132, 133, 134, 135, 66)

_VENDOR_CLASS: Final = b"PXEClient:Arch:00000:UNDI:002001"
_X86_BIOS: Final = b"\0\0"
"""An architecture that it has not; rpi-eeprom issue 182 keeps it so."""
_UNDI_2_1: Final = b"\1\2\1"
_COOKIE: Final = b"\x63\x82\x53\x63"
_HEAD: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_NOBODY: Final = bytes(4)


@dataclass(frozen=True, slots=True)
class Message:
    """One answer, as far as its sender can be believed.

    Args:
        mac: of who sent the frame.
        source: the sender's address.
        kind: option 53: 2 OFFER, 5 ACK, 6 NAK; 0 where it has none, as BOOTP.
        yours: "yiaddr", dotted.
        server: "siaddr", dotted.
        options: each with its number, as they came, without padding.
    """

    mac: str
    source: str
    kind: int
    yours: str
    server: str
    options: tuple[tuple[int, bytes], ...]

    def option(self, number: int) -> bytes:
        """What an option holds, of all its parts (RFC 3396); empty where it is absent."""
        return b"".join(value for each, value in self.options if each == number)

    def address(self, number: int) -> str | None:
        """The first address in an option, dotted."""
        value = self.option(number)
        return inet_ntoa(value[:4]) if len(value) >= 4 else None


@dataclass(frozen=True, slots=True)
class Identity:
    """Of a board, in each of its messages.

    Args:
        mac: with colons.
        guid: 16 bytes.
        transaction: of this exchange, 32 bits.
        requested: the options that it asks for, in its order.
    """

    mac: str
    guid: bytes
    transaction: int
    requested: tuple[int, ...]


def discover(identity: Identity) -> bytes:
    """What it broadcasts first."""
    return _built(identity, [(TYPE, bytes([DISCOVER]))])


def request(identity: Identity, address: str, server: str) -> bytes:
    """What it broadcasts to take an offer.

    That it has an option 60 too is in a dnsmasq log of a Raspberry Pi 4 (two "vendor class" lines of one transaction);
    no other is documented, so it has those that RFC 2131, table 5, demands, and those of the DISCOVER.

    Args:
        identity: the board's.
        address: that was offered, dotted.
        server: option 54 of the offer, dotted.
    """
    return _built(identity, [(TYPE, bytes([REQUEST])), (ADDRESS, inet_aton(address)), (SERVER, inet_aton(server))])


def _built(identity: Identity, first: list[tuple[int, bytes]]) -> bytes:
    options = [
        *first,
        (REQUESTED, bytes(identity.requested)),
        (ARCHITECTURE, _X86_BIOS),
        (INTERFACE, _UNDI_2_1),
        (GUID, b"\0" + identity.guid),
        (CLASS, _VENDOR_CLASS),
    ]
    hardware = bytes.fromhex(identity.mac.replace(":", ""))
    head = _HEAD.pack(1, 1, 6, 0, identity.transaction, 0, 0, *[_NOBODY] * 4, hardware, b"", b"")
    return head + _COOKIE + b"".join(bytes([n, len(value)]) + value for n, value in options) + bytes([_END])


def parse(data: bytes, identity: Identity, *, mac: str, source: str) -> Message | None:
    """An answer to this board in this exchange.

    Padding is skipped (rpi-eeprom, release notes of 2020-01-17); options end where their bytes do, with or without an
    end mark.

    Args:
        data: a datagram.
        identity: the board's.
        mac: of who sent it.
        source: of who sent it.

    Returns:
        None for anything else.
    """
    if len(data) < _HEAD.size + len(_COOKIE) or data[_HEAD.size : _HEAD.size + 4] != _COOKIE:
        return None
    kind, _, _, _, transaction, _, _, _, yours, server, _, hardware, _, _ = _HEAD.unpack_from(data)
    if kind != 2 or transaction != identity.transaction or hardware[:6].hex(":") != identity.mac:
        return None
    held = options(data[_HEAD.size + 4 :])
    named = next((value for number, value in held if number == TYPE and value), b"\0")
    return Message(mac, source, named[0], inet_ntoa(yours), inet_ntoa(server), tuple(held))


def options(data: bytes) -> list[tuple[int, bytes]]:
    """The options in what follows a message's cookie, each with its number, as they come."""
    found = []
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            break
        found.append((data[at], data[at + 2 : at + 2 + data[at + 1]]))
        at += 2 + data[at + 1]
    return found
