"""Ethernet, ARP, IPv4 and UDP as bytes: made, and taken apart. Sends nothing.

What is broken, a fragment or of another protocol is None: a boot ROM hears nothing of it. Addresses are bytes here.
Source: RFC 826 (ARP), RFC 791 (IPv4), RFC 768 (UDP), RFC 1071 (the checksum); linux/if_ether.h for the numbers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

BROADCAST: Final = b"\xff" * 6
ARP, IPV4 = 0x0806, 0x0800
REQUEST, REPLY = 1, 2

_LEAST: Final = 60
"""Bytes of the shortest frame, without its check sequence (IEEE 802.3)."""
_ETHERNET: Final = struct.Struct("!6s6sH")
_ARP: Final = struct.Struct("!HHBBH6s4s6s4s")
_IP: Final = struct.Struct("!BBHHHBBH4s4s")
_UDP: Final = struct.Struct("!HHHH")
_PSEUDO: Final = struct.Struct("!4s4sBBH")
_UDP_NUMBER: Final = 17
# tcpdump of a BCM2837 in raspberrypi/documentation, boot-net.adoc ("ttl 128, id 0"); of a BCM2711 none is public.
_TTL: Final = 128
_NOT_FRAGMENTED: Final = 0x4000
"""The one bit of flags and offset that a whole packet may have: "do not fragment"."""


@dataclass(frozen=True, slots=True)
class Ethernet:
    """A frame."""

    destination: bytes
    source: bytes
    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Arp:
    """A question for the MAC of an IP address, or its answer."""

    operation: int
    sender_mac: bytes
    sender_ip: bytes
    target_mac: bytes
    target_ip: bytes


@dataclass(frozen=True, slots=True)
class Udp:
    """A datagram with its addresses."""

    source: bytes
    source_port: int
    destination: bytes
    destination_port: int
    data: bytes


def checksum(data: bytes) -> int:
    """The Internet checksum of bytes; 0 of bytes that hold their own."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) & ~1]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(frame: Ethernet) -> bytes:
    """A frame as bytes, filled up to the least that a wire carries."""
    head = _ETHERNET.pack(frame.destination, frame.source, frame.kind)
    return (head + frame.payload).ljust(_LEAST, b"\0")


def parse_ethernet(data: bytes) -> Ethernet | None:
    """The frame that bytes are; what fills it up is part of its payload."""
    if len(data) < _ETHERNET.size:
        return None
    destination, source, kind = _ETHERNET.unpack_from(data)
    return Ethernet(destination, source, kind, data[_ETHERNET.size :])


def arp(message: Arp) -> bytes:
    """The payload of a frame."""
    return _ARP.pack(
        1, IPV4, 6, 4, message.operation,
        message.sender_mac, message.sender_ip, message.target_mac, message.target_ip,
    )  # fmt: skip


def parse_arp(payload: bytes) -> Arp | None:
    """What a frame's payload says."""
    if len(payload) < _ARP.size:
        return None
    hardware, protocol, hardware_size, protocol_size, operation, *addresses = _ARP.unpack_from(payload)
    if (hardware, protocol, hardware_size, protocol_size) != (1, IPV4, 6, 4):
        return None
    return Arp(operation, *addresses)


def udp(datagram: Udp, *, checked: bool) -> bytes:
    """The payload of a frame: an IPv4 packet with one datagram.

    Args:
        datagram: what is sent.
        checked: whether it gets a checksum of its own. A BCM2837 sends none (boot-net.adoc, "no cksum"), a BCM2711
            does, with 0xffff in the place of 0 (rpi-eeprom, release notes of 2020-12-11).
    """
    length = _UDP.size + len(datagram.data)
    head = _UDP.pack(datagram.source_port, datagram.destination_port, length, 0)
    if checked:
        pseudo = _PSEUDO.pack(datagram.source, datagram.destination, 0, _UDP_NUMBER, length)
        own = checksum(pseudo + head + datagram.data) or 0xFFFF
        head = _UDP.pack(datagram.source_port, datagram.destination_port, length, own)
    fields = (0x45, 0, _IP.size + length, 0, 0, _TTL, _UDP_NUMBER)
    unsummed = _IP.pack(*fields, 0, datagram.source, datagram.destination)
    return _IP.pack(*fields, checksum(unsummed), datagram.source, datagram.destination) + head + datagram.data


def parse_udp(payload: bytes) -> Udp | None:
    """The datagram in a frame's payload."""
    if len(payload) < _IP.size or payload[0] >> 4 != 4:
        return None
    header = (payload[0] & 15) * 4
    _, _, length, _, offset, _, protocol, _, source, destination = _IP.unpack_from(payload)
    if header < _IP.size or not header + _UDP.size <= length <= len(payload) or offset & ~_NOT_FRAGMENTED:
        return None
    if protocol != _UDP_NUMBER or checksum(payload[:header]) != 0:
        return None
    source_port, destination_port, size, own = _UDP.unpack_from(payload, header)
    if not _UDP.size <= size <= length - header:
        return None
    whole = payload[header : header + size]
    if own and checksum(_PSEUDO.pack(source, destination, 0, _UDP_NUMBER, size) + whole) != 0:
        return None
    return Udp(source, source_port, destination, destination_port, whole[_UDP.size :])
