"""What a Modbus relay board makes of a request without its framing: coils read and written, exceptions. Opens nothing.

Functions 01, 05 and 0F, and exceptions 01 to 03, as in the "MODBUS Application Protocol Specification" V1.1b3 (6.1,
6.5, 6.11, 7). Coil 0x00FF stands for all, as Waveshare's boards have it ("Modbus RTU Relay", development protocol V3);
their flashing and toggling are not there.
"""

from __future__ import annotations

import struct
from typing import Final

from hil.sim.devices.firmware import Answer, Firmware
from hil.sim.plan import DevicePlan

READ_COILS: Final = 0x01
WRITE_COIL: Final = 0x05
WRITE_COILS: Final = 0x0F
_ALL: Final = 0x00FF
_ILLEGAL_FUNCTION: Final = 1
_ILLEGAL_ADDRESS: Final = 2
_ILLEGAL_VALUE: Final = 3
_FAILED: Final = 0x80
_MOST_READ: Final = 2000
_MOST_WRITTEN: Final = 0x07B0
_BOARD: Final = 8


class Refusal(Exception):
    """A request that is answered by an exception.

    Args:
        code: of the exception.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


def firmware_of(plan: DevicePlan) -> Firmware:
    """Coils from 0 on, in boards of eight, to the option `channels`, the highest number."""
    return Firmware(plan, range((int(plan.options.get("channels") or 0) // _BOARD + 1) * _BOARD))


def address_of(plan: DevicePlan) -> int:
    """Its address on the line, option `address`."""
    return int(plan.options.get("address") or 1)


class Coils:
    """The coils of one board.

    Args:
        firmware: its contacts.
    """

    def __init__(self, firmware: Firmware) -> None:
        self._firmware = firmware

    def answer(self, request: bytes) -> Answer | None:
        """Do what a request asks for, and what is answered; None says nothing, and does nothing.

        Args:
            request: function and data.
        """
        handler = {READ_COILS: self._read, WRITE_COIL: self._write, WRITE_COILS: self._write_several}.get(request[0])
        try:
            if handler is None:
                raise Refusal(_ILLEGAL_FUNCTION)
            channel = self._first(request)
            if self._firmware.deaf(channel):
                return None
            return Answer(request[:1] + handler(request[1:]), channel)
        except Refusal as refusal:
            return None if self._firmware.deaf() else Answer(bytes([request[0] | _FAILED, refusal.code]))

    def _first(self, request: bytes) -> int | None:
        """The coil that a request is about, or begins with."""
        if len(request) < 5:
            raise Refusal(_ILLEGAL_VALUE)
        (coil,) = struct.unpack(">H", request[1:3])
        if coil in self._firmware.outlets:
            return int(coil)
        if coil == _ALL and request[0] == WRITE_COIL:
            return None
        raise Refusal(_ILLEGAL_ADDRESS)

    def _read(self, data: bytes) -> bytes:
        coils = self._range(data, _MOST_READ)
        return bytes([(len(coils) + 7) // 8]) + packed([self._firmware.state(coil) for coil in coils])

    def _write(self, data: bytes) -> bytes:
        coil, value = struct.unpack(">HH", data[:4])
        if value not in (0x0000, 0xFF00) or len(data) != 4:
            raise Refusal(_ILLEGAL_VALUE)
        for each in [coil] if coil in self._firmware.outlets else self._firmware.outlets:
            self._firmware.switch(each, value == 0xFF00)
        return data

    def _write_several(self, data: bytes) -> bytes:
        coils = self._range(data, _MOST_WRITTEN)
        values = data[5:]
        if data[4:5] != bytes([len(values) & 0xFF]) or len(values) != (len(coils) + 7) // 8:
            raise Refusal(_ILLEGAL_VALUE)
        for place, coil in enumerate(coils):
            self._firmware.switch(coil, bool(values[place // 8] >> place % 8 & 1))
        return data[:4]

    def _range(self, data: bytes, most: int) -> range:
        first, count = struct.unpack(">HH", data[:4])
        if not 1 <= count <= most:
            raise Refusal(_ILLEGAL_VALUE)
        if first + count - 1 not in self._firmware.outlets:
            raise Refusal(_ILLEGAL_ADDRESS)
        return range(first, first + count)


def packed(values: list[bool]) -> bytes:
    """Bits as coils are packed: the first is the lowest of the first byte."""
    out = bytearray((len(values) + 7) // 8)
    for place, value in enumerate(values):
        out[place // 8] |= value << place % 8
    return bytes(out)
