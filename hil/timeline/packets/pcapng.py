"""Where each packet of a pcapng file stands: one section, one Ethernet interface, cut off anywhere. Reads no packet.

Blocks and their fields: draft-ietf-opsawg-pcapng, 4.1 (section header), 4.2 (interface), 4.3 (enhanced packet).
When a packet was sent is not read from here: the index beside the file knows it better (see `stamps`).
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple, TypeAlias

from hil.errors import InfrastructureError

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_ENHANCED: Final = 6
_ETHERNET: Final = 1
_HEAD: Final = struct.Struct("<II")
_PACKET: Final = struct.Struct("<IIIIIII")
_SECTION_HEAD: Final = struct.Struct("<III")
_BYTE_ORDER: Final = 0x1A2B3C4D


Place: TypeAlias = tuple[int, int, int]
"""Where one packet stands in the file: its first byte, after its last byte that was kept; its bytes on the wire."""


class Places(NamedTuple):
    """The packets of a file.

    Args:
        packets: in their order.
        whole: whether the file ends at a block's end.
    """

    packets: list[Place]
    whole: bool


def places(data: bytes) -> Places:
    """The packets of a file, up to the first that is not there in full.

    Args:
        data: the file.

    Raises:
        InfrastructureError: it is no little-endian pcapng file of an Ethernet interface.
    """
    at = _section_end(data)
    found: list[Place] = []
    unpack, size = _PACKET.unpack_from, _PACKET.size
    last = len(data)
    while at + size <= last:
        kind, total, _, _, _, captured, length = unpack(data, at)
        if total < 12 or total % 4 or at + total > last:
            return Places(found, whole=False)
        if kind == _ENHANCED:
            start = at + size
            if start + captured + 4 > at + total:
                return Places(found, whole=False)
            found.append((start, start + captured, length))
        elif kind == _INTERFACE and data[at + 8] | data[at + 9] << 8 != _ETHERNET:
            raise _no_capture("its interface is no Ethernet")
        at += total
    # A last block that is too short for a packet is whole where its length says that it ends with the file.
    return Places(found, whole=at == last or (at + 12 <= last and at + _HEAD.unpack_from(data, at)[1] == last))


def _section_end(data: bytes) -> int:
    if len(data) < 28:
        raise _no_capture("it is too short")
    kind, total, order = _SECTION_HEAD.unpack_from(data)
    if kind != _SECTION or order != _BYTE_ORDER:
        raise _no_capture("it does not begin with a little-endian section header")
    if total < 28 or total % 4:
        raise _no_capture("its section header has an impossible length")
    return int(total)


def _no_capture(why: str) -> InfrastructureError:
    return InfrastructureError(f"this is no pcapng file of one machine: {why}", hint="capture the boot again")
