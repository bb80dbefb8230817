"""TFTP messages as bytes: what a Raspberry Pi sends, and what it understands. Sends nothing.

Source: RFC 1350, RFC 2347 (options), RFC 2348 (blksize), RFC 2349 (tsize).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

_RRQ, _DATA, _ACK, _ERROR, _OACK = 1, 3, 4, 5, 6
UNDEFINED, FILE_NOT_FOUND, UNKNOWN_TRANSFER, BAD_OPTION = 0, 1, 5, 8
_WORDS: Final = struct.Struct("!HH")
_SHOWN: Final = 200
"""Characters of a server's words that are passed on."""


@dataclass(frozen=True, slots=True)
class Data:
    """A block of a file, by its number modulo 65536."""

    block: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Error:
    """Why the other side ends it."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The options that a server takes (OACK), with small names."""

    options: dict[str, str]


Answer: TypeAlias = Data | Error | Accepted


def read_request(file: str, *, tsize: bool, blksize: int | None) -> bytes:
    """A request for a file, with its options in a board's order: "tsize 0", then "blksize" (rpi-eeprom issue 74).

    Args:
        file: its name.
        tsize: whether its size is asked for.
        blksize: bytes of a block; None for no word of it.
    """
    words = [file, "octet", *(["tsize", "0"] if tsize else []), *(["blksize", str(blksize)] if blksize else [])]
    return struct.pack("!H", _RRQ) + b"".join(word.encode("latin-1", "replace") + b"\0" for word in words)


def acknowledgement(block: int) -> bytes:
    """That a block has come."""
    return _WORDS.pack(_ACK, block)


def error(code: int, text: str) -> bytes:
    """That it is over."""
    return _WORDS.pack(_ERROR, code) + text.encode("ascii") + b"\0"


def parse(data: bytes) -> Answer | None:
    """What a server says; None for what is no answer to a reader."""
    if len(data) < 2:
        return None
    kind = int.from_bytes(data[:2], "big")
    if kind == _OACK:
        return _accepted(data[2:])
    if len(data) < _WORDS.size:
        return None
    number = int.from_bytes(data[2:4], "big")
    if kind == _DATA:
        return Data(number, data[4:])
    if kind == _ERROR:
        return Error(number, _shown(data[4:].split(b"\0")[0]))
    return None


def _shown(words: bytes) -> str:
    """Of a server's words what a person's screen takes: they are passed on to it."""
    text = words.decode("ascii", "replace")[:_SHOWN]
    return "".join(character if character.isprintable() else "?" for character in text)


def _accepted(data: bytes) -> Accepted | None:
    words = [word.decode("ascii", "replace") for word in data.split(b"\0")]
    if words.pop() or len(words) % 2:
        return None
    return Accepted({name.lower(): value for name, value in zip(words[::2], words[1::2], strict=True)})
