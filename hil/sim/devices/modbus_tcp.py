"""A Modbus relay board on the network: frames with a header of their own, or, behind some gateways, those of a line.

"MODBUS Messaging on TCP/IP Implementation Guide" V1.0b: 3.1.3 (the header: transaction, protocol 0, length, unit),
4.4.2 (a header that is none ends the connection). A device answers to unit 0 and 255 whatever its address; for
another's a gateway says exception 0B (Application Protocol Specification, 7).
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from hil.sim.devices.firmware import Answer, Firmware
from hil.sim.devices.modbus import Coils, address_of, firmware_of
from hil.sim.devices.modbus_line import RtuCodec, wrong_sum
from hil.sim.devices.tcp_device import TcpDevice
from hil.sim.plan import DevicePlan

HEADER: Final = struct.Struct(">HHHB")
_LONGEST: Final = 254
_ANY: Final = (0, 255)
_NO_TARGET: Final = 0x0B
_CONNECTIONS: Final = 4
_PIECE: Final = 256


class ModbusTcp:
    """Answers connections.

    Args:
        firmware: the board's.
        coils: what it answers with.
        address: its own.
    """

    def __init__(self, firmware: Firmware, coils: Coils, address: int) -> None:
        self._firmware = firmware
        self._coils = coils
        self._address = address

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Frames with a header, until the client goes or sends none.

        Raises:
            ConnectionError: the client is gone.
        """
        while True:
            try:
                header = HEADER.unpack(await reader.readexactly(HEADER.size))
                transaction, protocol, length, unit = header
                if protocol != 0 or not 2 <= length <= _LONGEST:
                    return
                request = await reader.readexactly(length - 1)
            except asyncio.IncompleteReadError:
                return
            answer = self._answer(unit, request)
            if answer is None:
                continue
            head = HEADER.pack(transaction, 0, len(answer.data) + 1, unit)
            sent = await self._firmware.deliver(Answer(head + answer.data, answer.channel), _wrong_protocol)
            if sent is not None:
                writer.write(sent)
                await writer.drain()

    async def talk_as_a_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Frames of a line, until the client goes.

        Raises:
            ConnectionError: the client is gone.
        """
        codec = RtuCodec(self._coils, self._address)
        while True:
            try:
                async with asyncio.timeout(codec.patience):
                    data = await reader.read(_PIECE)
            except TimeoutError:
                codec.forget()
                continue
            if not data:
                return
            for answer in codec.feed(data):
                sent = await self._firmware.deliver(answer, wrong_sum)
                if sent is not None:
                    writer.write(sent)
                    await writer.drain()

    def _answer(self, unit: int, request: bytes) -> Answer | None:
        if unit == self._address or unit in _ANY:
            return self._coils.answer(request)
        return None if self._firmware.deaf() else Answer(bytes([request[0] | 0x80, _NO_TARGET]))


def _wrong_protocol(frame: bytes) -> bytes:
    """There is no sum; the header says another protocol."""
    return frame[:2] + b"\xff\xff" + frame[4:]


def create(plan: DevicePlan) -> TcpDevice:
    """A board; options `channels` (the highest coil), `address`, `framing` (tcp, rtu)."""
    firmware = firmware_of(plan)
    server = ModbusTcp(firmware, Coils(firmware), address_of(plan))
    talk = server.talk_as_a_line if plan.options.get("framing") == "rtu" else server.talk
    return TcpDevice(plan.name, firmware, talk, connections=_CONNECTIONS)
