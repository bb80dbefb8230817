"""SNMP messages as bytes: the part of BER that they use. Knows no objects and answers nothing.

RFC 3416 (section 3, the PDUs), RFC 1901 (the message around them), RFC 3417 (section 8, which of BER's forms), and
RFC 2578 (the types). Lengths may be longer than they must be; nothing else that BER allows and SNMP forbids is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

Oid: TypeAlias = tuple[int, ...]
Value: TypeAlias = tuple[int, bytes]
"""A tag and its content."""

INTEGER: Final = 0x02
OCTETS: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
SEQUENCE: Final = 0x30
TICKS: Final = 0x43
NO_INSTANCE: Final = (0x81, b"")
END_OF_VIEW: Final = (0x82, b"")

GET: Final = 0xA0
GET_NEXT: Final = 0xA1
RESPONSE: Final = 0xA2
SET: Final = 0xA3
GET_BULK: Final = 0xA5

_LONG: Final = 0x80
_WIDEST: Final = 9
_HIGHEST: Final = (1 << 32) - 1
_MOST_ARCS: Final = 128


class BadMessage(Exception):
    """Bytes that are no message."""


@dataclass(frozen=True, slots=True)
class Binding:
    """An object and its value.

    Args:
        oid: of the object.
        value: its own, or NULL's in a question.
    """

    oid: Oid
    value: Value = (NULL, b"")


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Args:
        version: 0 for version 1, 1 for version 2c.
        community: as it is.
        kind: of its PDU.
        request: its number.
        error: status of an answer; of GETBULK how many bindings are not repeated.
        index: of the binding that the error is about, from 1 on; of GETBULK how often the others are repeated.
        bindings: in their order.
    """

    version: int
    community: bytes
    kind: int
    request: int
    error: int
    index: int
    bindings: tuple[Binding, ...]

    def encode(self) -> bytes:
        """As bytes."""
        bindings = b"".join(
            tlv(SEQUENCE, tlv(OID, encode_oid(binding.oid)) + tlv(*binding.value)) for binding in self.bindings
        )
        numbers = b"".join(tlv(INTEGER, encode_integer(value)) for value in (self.request, self.error, self.index))
        pdu = tlv(self.kind, numbers + tlv(SEQUENCE, bindings))
        return tlv(SEQUENCE, tlv(INTEGER, encode_integer(self.version)) + tlv(OCTETS, self.community) + pdu)


def decode(data: bytes) -> Message:
    """Read a message.

    Raises:
        BadMessage: it is none.
    """
    whole = _only(data, SEQUENCE)
    version, rest = _take(whole, INTEGER)
    community, rest = _take(rest, OCTETS)
    kind, pdu, rest = _split(rest)
    if rest or not GET <= kind <= 0xA8:
        raise BadMessage("no PDU")
    request, pdu = _take(pdu, INTEGER)
    error, pdu = _take(pdu, INTEGER)
    index, pdu = _take(pdu, INTEGER)
    bindings = []
    listed = _only(pdu, SEQUENCE)
    while listed:
        pair, listed = _take(listed, SEQUENCE)
        oid, pair = _take(pair, OID)
        tag, content, rest = _split(pair)
        if rest:
            raise BadMessage("more than a value in a binding")
        bindings.append(Binding(decode_oid(oid), (tag, content)))
    numbers = [decode_integer(number) for number in (version, request, error, index)]
    return Message(numbers[0], community, kind, numbers[1], numbers[2], numbers[3], tuple(bindings))


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length, content."""
    if len(content) < _LONG:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, _LONG | len(length)]) + length + content


def encode_integer(value: int) -> bytes:
    """The fewest bytes that hold it with its sign."""
    return value.to_bytes(value.bit_length() // 8 + 1, signed=True)


def decode_integer(content: bytes) -> int:
    """A whole number.

    Raises:
        BadMessage: it has no byte, or more than any type of SNMP has.
    """
    if not 1 <= len(content) <= _WIDEST:
        raise BadMessage("no integer")
    return int.from_bytes(content, signed=True)


def encode_oid(oid: Oid) -> bytes:
    """The first two arcs in one; each in groups of seven bits."""
    out = bytearray()
    for arc in (oid[0] * 40 + oid[1], *oid[2:]):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | _LONG)
        out += bytes(reversed(groups))
    return bytes(out)


def decode_oid(content: bytes) -> Oid:
    """Its arcs.

    Raises:
        BadMessage: it ends within one, or has one that is too high or too many.
    """
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if arc > _HIGHEST:
            raise BadMessage("an arc that is too high")
        if not byte & _LONG:
            arcs.append(arc)
            arc = 0
    if not arcs or content[-1] & _LONG or len(arcs) >= _MOST_ARCS:
        raise BadMessage("no object identifier")
    first = min(arcs[0] // 40, 2)
    return (first, arcs[0] - first * 40, *arcs[1:])


def _split(data: bytes) -> tuple[int, bytes, bytes]:
    """The first tag, its content, and what follows."""
    if len(data) < 2:
        raise BadMessage("it ends too early")
    tag, length, begin = data[0], data[1], 2
    if length & _LONG:
        begin = 2 + (length & ~_LONG)
        if not 3 <= begin <= len(data) or begin > 6:
            raise BadMessage("no length")
        length = int.from_bytes(data[2:begin])
    if begin + length > len(data):
        raise BadMessage("it ends too early")
    return tag, data[begin : begin + length], data[begin + length :]


def _take(data: bytes, expected: int) -> tuple[bytes, bytes]:
    tag, content, rest = _split(data)
    if tag != expected:
        raise BadMessage(f"tag {tag:#x} where {expected:#x} belongs")
    return content, rest


def _only(data: bytes, expected: int) -> bytes:
    content, rest = _take(data, expected)
    if rest:
        raise BadMessage("bytes behind the end")
    return content
