"""A board's wire with what may be wrong with it: no link, answers that come late or say the wrong thing, a router.

What it makes up, the board alone hears: none of it is on the bench's network.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from dataclasses import replace
from socket import inet_aton
from typing import Final

from hil.sim.rom import dhcp_message as dhcp
from hil.sim.rom.dhcp import bcm2837
from hil.sim.rom.eeprom import Eeprom
from hil.sim.rom.faults import Faults
from hil.sim.rom.frames import IPV4, Ethernet, Udp, ethernet, parse_ethernet, parse_udp, udp
from hil.sim.rom.listener import Listener
from hil.sim.rom.pace import Pace
from hil.sim.rom.port import Wire
from hil.sim.rom.settings import Settings

ROUTER: Final = "192.168.178.1"
"""The address of the router that "foreign-dhcp" puts on the wire; one that no bench has by default."""
_ROUTER_MAC: Final = bytes.fromhex("02665a000001")
_GIVEN: Final = "192.168.178.77"
_SERVER, _CLIENT, _TFTP = 67, 68, 69
_READ_REQUEST: Final = b"\0\1"
_MENU: Final = b"Raspberry Pi Boot"
_OTHER_MENU: Final = b"Some other client"
_QUEUE: Final = 1000
_LATE: Final = 1.1
"""Of the time that a board waits for an answer: how late an offer is with "late-answer"."""
# Of a BOOTP message (RFC 951, 2131): "op", "xid", the client's hardware address, and where options begin.
_TRANSACTION: Final = slice(4, 8)
_HARDWARE: Final = slice(28, 34)
_COOKIE: Final = slice(236, 240)
_HEAD: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")


class FaultyWire(Listener):
    """A wire, between `async with` and its end.

    Args:
        wire: the one beneath it.
        faults: what is wrong now.
        late_seconds: how late offers of DHCP come while "late-answer" holds, as of a server that sees first whether an
            address is free.
    """

    def __init__(self, wire: Wire, faults: Faults, late_seconds: float) -> None:
        super().__init__()
        self._wire = wire
        self._faults = faults
        self._late_seconds = late_seconds
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)

    def send(self, frame: bytes) -> None:
        """Put a frame on it; the router, where there is one, is quicker than whoever else answers."""
        if self._faults.active("no-link"):
            return
        if self._faults.active("foreign-dhcp"):
            answer = from_router(frame)
            if answer is not None:
                self._put(answer)
        self._wire.send(without_options(frame) if self._faults.active("no-oack") else frame)

    async def recv(self) -> bytes:
        """The next frame."""
        return await self._frames.get()

    async def _listen(self) -> None:
        while True:
            self._hear(await self._wire.recv())

    def _hear(self, frame: bytes) -> None:
        if self._faults.active("no-link"):
            return
        if self._faults.active("wrong-option-43"):
            frame = with_another_menu(frame)
        if self._faults.active("late-answer") and _is_offer(frame):
            asyncio.get_running_loop().call_later(self._late_seconds, self._put, frame)
        else:
            self._put(frame)

    def _put(self, frame: bytes) -> None:
        with suppress(asyncio.QueueFull):
            self._frames.put_nowait(frame)


def late_seconds(settings: Settings, pace: Pace) -> float:
    """How late an offer must come to miss the request that it answers.

    Args:
        settings: of the board, whose DHCP_REQ_TIMEOUT counts; a BCM2837 has none, and its own time.
        pace: of the board.
    """
    older = settings.model.startswith("cm3")
    waits = bcm2837().try_seconds if older else Eeprom.of(settings.eeprom).dhcp_try_seconds
    return pace.patience(waits).within * _LATE


def with_another_menu(frame: bytes) -> bytes:
    """A frame as a server sends it that knows no Raspberry Pi: option 43 of a DHCP message names another menu.

    Args:
        frame: any.
    """
    datagram = _datagram(frame, _CLIENT)
    if datagram is None:
        return frame
    return _again(frame, replace(datagram, data=datagram.data.replace(_MENU, _OTHER_MENU)))


def without_options(frame: bytes) -> bytes:
    """A frame as a TFTP server takes it that knows no options: of a request, its file and mode alone (RFC 1350).

    Args:
        frame: any.
    """
    asked = _datagram(frame, _TFTP)
    if asked is None or not asked.data.startswith(_READ_REQUEST):
        return frame
    nothing, file, mode, *_ = [*asked.data.split(b"\0", 3), b"", b""]
    return _again(frame, replace(asked, data=b"\0".join((nothing, file, mode, b""))))


def from_router(frame: bytes) -> bytes | None:
    """What a home's router says to a frame: an OFFER to a DISCOVER, an ACK to a REQUEST of it, both without option 43.

    Args:
        frame: any.
    """
    asked = _datagram(frame, _SERVER)
    if asked is None or len(asked.data) < _HEAD.size:
        return None
    options = dict(dhcp.options(asked.data[_HEAD.size :]))
    if options.get(dhcp.TYPE) == bytes([dhcp.DISCOVER]):
        kind = dhcp.OFFER
    elif options.get(dhcp.SERVER) == inet_aton(ROUTER):
        kind = dhcp.ACK
    else:
        return None
    transaction = int.from_bytes(asked.data[_TRANSACTION], "big")
    hardware, own, nobody = asked.data[_HARDWARE], inet_aton(ROUTER), bytes(4)
    head = (2, 1, 6, 0, transaction, 0, 0, nobody, inet_aton(_GIVEN), own, nobody, hardware, b"", b"")
    said = [
        (dhcp.TYPE, bytes([kind])),
        (dhcp.SERVER, own),
        (51, (86400).to_bytes(4, "big")),
        (dhcp.SUBNET_MASK, inet_aton("255.255.255.0")),
        (dhcp.ROUTER, own),
    ]
    data = _HEAD.pack(*head, asked.data[_COOKIE])
    data += b"".join(bytes([number, len(value)]) + value for number, value in said) + b"\xff"
    answer = Udp(own, _SERVER, b"\xff" * 4, _CLIENT, data)
    return ethernet(Ethernet(b"\xff" * 6, _ROUTER_MAC, IPV4, udp(answer, checked=True)))


def _datagram(frame: bytes, port: int) -> Udp | None:
    """The datagram to a UDP port in a frame."""
    outer = parse_ethernet(frame)
    datagram = parse_udp(outer.payload) if outer is not None and outer.kind == IPV4 else None
    return datagram if datagram is not None and datagram.destination_port == port else None


def _is_offer(frame: bytes) -> bool:
    message = _datagram(frame, _CLIENT)
    return message is not None and (dhcp.TYPE, bytes([dhcp.OFFER])) in dhcp.options(message.data[_HEAD.size :])


def _again(frame: bytes, datagram: Udp) -> bytes:
    """A frame with another datagram in it."""
    outer = parse_ethernet(frame)
    assert outer is not None, "what has a datagram is a frame"
    return ethernet(replace(outer, payload=udp(datagram, checked=True)))
