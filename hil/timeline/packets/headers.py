"""Ethernet, IP, UDP and TCP headers of one frame, where it lies in a larger piece of bytes. Follows no conversation.

Layouts: IEEE 802.3 and 802.1Q, RFC 791 (IPv4), RFC 8200 (IPv6), RFC 768 (UDP), RFC 9293 (TCP). Fragments and IPv6
extension headers are passed over: what boots a machine has neither.
"""

from __future__ import annotations

import socket
import struct
from typing import Final, NamedTuple

FIN: Final = 1
SYN: Final = 2
RST: Final = 4
ACK: Final = 16

_ETHERNET: Final = 14
_VLAN: Final = b"\x81\x00"
_IPV4: Final = b"\x08\x00"
_IPV6: Final = b"\x86\xdd"
_TCP: Final = 6
_UDP: Final = 17
# First byte, total length, fragment, protocol, both addresses.
_IPV4_HEAD: Final = struct.Struct(">BxHxxHxB2x8s")
_IPV6_HEAD: Final = struct.Struct(">4xHBx32s")
# Ports, sequence number, length of the header, flags.
_TCP_HEAD: Final = struct.Struct(">4sI4xBB")
_UDP_HEAD: Final = struct.Struct(">4sH")


class Segment(NamedTuple):
    """One TCP segment.

    Args:
        flow: source and target address, source and target port, as they stand in the headers.
        flags: FIN, SYN, RST, ACK and others.
        seq: of its first byte, or of its SYN.
        length: of what it carried on the wire, bytes.
        start: where in the data the part of it that was kept begins.
        end: where that ends.
    """

    flow: bytes
    flags: int
    seq: int
    length: int
    start: int
    end: int


class Datagram(NamedTuple):
    """One UDP datagram.

    Args:
        source: address, 4 or 16 bytes.
        target: address.
        source_port: UDP's.
        target_port: UDP's.
        length: of what it carried on the wire, bytes.
        payload: what was kept of that.
    """

    source: bytes
    target: bytes
    source_port: int
    target_port: int
    length: int
    payload: bytes


def parse(data: bytes, start: int, end: int, length: int) -> Segment | Datagram | None:
    """The frame data[start:end]; None for one that is neither TCP nor UDP, or whose headers were not kept.

    None too for a TCP segment that only acknowledges, which is half of a boot's packets.

    Args:
        data: what holds the frame.
        start: its first byte.
        end: after the last byte that was kept; not beyond `data`.
        length: of the frame on the wire, bytes.
    """
    network, kind = start + _ETHERNET, data[start + 12 : start + 14]
    if kind == _VLAN:
        network, kind = network + 4, data[start + 16 : start + 18]
    wire_end = start + length
    if kind == _IPV4:
        if network + 20 > end:
            return None
        first, total, fragment, protocol, addresses = _IPV4_HEAD.unpack_from(data, network)
        transport = network + (first & 15) * 4
        if first >> 4 != 4 or first & 15 < 5 or fragment & 0x3FFF:
            return None
    elif kind == _IPV6:
        transport = network + 40
        if transport > end:
            return None
        carried, protocol, addresses = _IPV6_HEAD.unpack_from(data, network)
        total = carried + 40 if carried else 0
    else:
        return None
    # A frame that the network device was to cut into segments may say 0; a short one is padded by Ethernet.
    wire_end = min(wire_end, network + total) if total else wire_end
    if protocol == _TCP:
        return _segment(data, transport, end, wire_end, addresses)
    return _datagram(data, transport, end, wire_end, addresses) if protocol == _UDP else None


def _segment(data: bytes, transport: int, end: int, wire_end: int, addresses: bytes) -> Segment | None:
    if transport + 20 > end:
        return None
    ports, seq, size, flags = _TCP_HEAD.unpack_from(data, transport)
    payload = transport + (size >> 4) * 4
    if size >> 4 < 5 or payload > wire_end or (payload == wire_end and not flags & (SYN | FIN | RST)):
        return None
    return Segment(addresses + ports, flags, seq, wire_end - payload, min(payload, end), min(wire_end, end))


def _datagram(data: bytes, transport: int, end: int, wire_end: int, addresses: bytes) -> Datagram | None:
    payload = transport + 8
    if payload > end:
        return None
    ports, total = _UDP_HEAD.unpack_from(data, transport)
    wire_end = min(wire_end, transport + total) if total else wire_end
    half = len(addresses) // 2
    source_port, target_port = ports[0] << 8 | ports[1], ports[2] << 8 | ports[3]
    length = max(0, wire_end - payload)
    kept = data[payload : min(end, payload + length)]
    return Datagram(addresses[:half], addresses[half:], source_port, target_port, length, kept)


def reverse(flow: bytes) -> bytes:
    """The flow of the other direction."""
    half = (len(flow) - 4) // 2
    return flow[half : 2 * half] + flow[:half] + flow[-2:] + flow[-4:-2]


def ends_of(flow: bytes) -> tuple[str, int, str, int]:
    """Source address and port, target address and port of a flow, as a person reads them."""
    half = (len(flow) - 4) // 2
    source, target = int.from_bytes(flow[-4:-2], "big"), int.from_bytes(flow[-2:], "big")
    return address(flow[:half]), source, address(flow[half : 2 * half]), target


def address(raw: bytes) -> str:
    """An IPv4 or IPv6 address of 4 or 16 bytes as a person reads it."""
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def with_port(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def plain(raw: bytes) -> str:
    """Bytes from the wire as one line of text: what is not printable is escaped."""
    text = raw.decode("utf-8", "backslashreplace")
    return (
        text
        if text.isprintable()
        else "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
    )
