"""A UART's wire, bit by bit: what a receiver makes of bytes that were sent at another speed, or over noise.

8N1 alone: a start bit (0), eight data bits from the lowest up, a stop bit (1), the line at 1 when nothing is sent.
Each run of bytes is sent without a pause and followed by one. Pure functions; the pace is in `hil.sim.wire`.
"""

from __future__ import annotations

from random import Random
from typing import Final

BREAK: Final = b"\0"
"""What Linux gives a reader for a break that it was not told to mark (drivers/tty/n_tty.c, n_tty_receive_break)."""

_FRAME: Final = 10


def levels(data: bytes) -> list[int]:
    """The line's level in each bit's time, as a transmitter sends these bytes."""
    return [bit for byte in data for bit in (0, *((byte >> place) & 1 for place in range(8)), 1)]


def received(data: bytes, sent: int, heard: int) -> bytes:
    """What a receiver makes of bytes that are sent at one speed and heard at another.

    It waits for a falling edge, and looks at the line in the middle of each of its own bits from there on. A stop bit
    that is 0 is a framing error; Linux gives the reader the byte as it is then, where parity is not checked
    (n_tty_receive_parity_error), and the receiver waits for the next falling edge.

    Args:
        data: the bytes.
        sent: the transmitter's speed, bits per second.
        heard: the receiver's.
    """
    if sent == heard or not data:
        return data
    if sent <= 0 or heard <= 0:
        return b""
    line = levels(data)
    bit = sent / heard  # of the receiver, in bits of the transmitter
    out = bytearray()
    at = 0.0
    while (start := _falling(line, at)) is not None:
        if _level(line, start + bit / 2):  # shorter than half a bit: no start bit, but a spike
            at = start + bit / 2
            continue
        out.append(sum(_level(line, start + bit * (1.5 + place)) << place for place in range(8)))
        at = start + bit * (_FRAME - 0.5)
    return bytes(out)


def flipped(data: bytes, random: Random, share: float) -> bytes:
    """Bytes some of whose data bits arrive as the contrary.

    Args:
        data: the bytes.
        random: decides which.
        share: of all bits.
    """
    out = bytearray(data)
    for place in range(len(out) * 8):
        if random.random() < share:
            out[place // 8] ^= 1 << place % 8
    return bytes(out)


def _falling(line: list[int], since: float) -> float | None:
    """The first moment from `since` on at which the level goes from 1 to 0; at the very beginning it was 1 before."""
    place = int(since)
    before = 1 if since <= 0 else _level(line, since)
    if before and not since <= 0:
        place += 1
    elif not before:
        while place < len(line) and not line[place]:
            place += 1
    while place < len(line) and line[place]:
        place += 1
    return float(place) if place < len(line) else None


def _level(line: list[int], moment: float) -> int:
    place = int(moment)
    return line[place] if place < len(line) else 1
