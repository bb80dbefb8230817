"""Modbus frames of a serial line (RTU): address, request, CRC. Also as some gateways put them into TCP, unchanged.

"MODBUS over Serial Line Specification and Implementation Guide" V1.02: 2.2 (address 0 is for all, and nobody answers
it), 2.5.1 (a frame ends with silence, its sum has the low byte first), 6.2.2 (the CRC). The silence there is 3.5
characters, 4 ms at 9600 baud; a USB adapter pauses longer within a frame, so this one waits for 50 ms.
"""

from __future__ import annotations

import struct
from typing import Final

from hil.sim.devices.firmware import Answer
from hil.sim.devices.modbus import READ_COILS, WRITE_COIL, WRITE_COILS, Coils

_SILENCE: Final = 0.05
_LONGEST: Final = 256
_SHORTEST: Final = 4
_FIXED: Final = 8
_COUNT_AT: Final = 6


def crc(data: bytes) -> bytes:
    """The sum of a frame, as it is sent."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def wrong_sum(frame: bytes) -> bytes:
    """The frame with another sum than its own."""
    return frame[:-1] + bytes([frame[-1] ^ 0xFF])


class RtuCodec:
    """A board on a line.

    Args:
        coils: what it answers with.
        address: its own, 1 to 247.
    """

    def __init__(self, coils: Coils, address: int) -> None:
        self._coils = coils
        self._address = address
        self._pending = bytearray()

    @property
    def patience(self) -> float | None:
        """A frame that has begun ends with silence."""
        return _SILENCE if self._pending else None

    def forget(self) -> None:
        """There was silence."""
        self._pending.clear()

    def feed(self, data: bytes) -> list[Answer]:
        """Do each whole frame; one with a wrong sum takes with it what came in the same breath."""
        self._pending += data
        answers: list[Answer] = []
        while length := self._length():
            frame = bytes(self._pending[:length])
            if crc(frame[:-2]) != frame[-2:]:
                self._pending.clear()
                break
            del self._pending[:length]
            answer = self._answer(frame[0], frame[1:-2])
            if answer is not None:
                answers.append(answer)
        return answers

    def _length(self) -> int:
        """Of the frame that the pending bytes begin with; 0 while it is not whole."""
        pending = self._pending
        if len(pending) < _SHORTEST:
            return 0
        if pending[1] in (READ_COILS, WRITE_COIL):
            return _FIXED if len(pending) >= _FIXED else 0
        if pending[1] == WRITE_COILS:
            whole = len(pending) > _COUNT_AT and _COUNT_AT + 3 + pending[_COUNT_AT]
            return int(whole) if whole and len(pending) >= whole else 0
        # Another function's length is not known: it is whole when its sum is right, or when it cannot get longer.
        whole = len(pending) > _LONGEST or crc(bytes(pending[:-2])) == pending[-2:]
        return len(pending) if whole else 0

    def _answer(self, address: int, request: bytes) -> Answer | None:
        if address not in (0, self._address):
            return None
        answer = self._coils.answer(request)
        if answer is None or address == 0:
            return None
        frame = bytes([address]) + answer.data
        return Answer(frame + crc(frame), answer.channel)
