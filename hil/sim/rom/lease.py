"""How an EEPROM bootloader comes to an address and to a TFTP server, and what it says of it on its UART.

The lines are those of raspberrypi/rpi-eeprom issues 376 and 687; what is on the wire is `hil.sim.rom.dhcp`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from hil.sim.rom.dhcp import Lease, Wish, guid
from hil.sim.rom.dhcp_message import Message
from hil.sim.rom.eeprom import Eeprom, Static
from hil.sim.rom.settings import Settings
from hil.sim.rom.shelf import Server
from hil.sim.rom.uart import Uart

_KINDS: Final = {2: "OFFER", 5: "ACK", 6: "NAK"}
_EXPECTED: Final = {2: "OFFER", 5: "ACK", 6: "ACK"}
_TYPE, _VENDOR = 53, 43
_ADDRESSES: Final = frozenset({1, 3, 28, 54})
_ROW: Final = 16
_PXE_END: Final = 255


class Network(Protocol):
    """A board's port, with all that it says below UDP."""

    async def ask(self, wish: Wish, heard: Callable[[Message], None]) -> Lease:
        """Get a lease and take its address; `heard` is told of each answer. Errors as in `hil.sim.rom.dhcp.ask`."""
        ...

    def take(self, static: Static) -> None:
        """Take an address without asking."""
        ...

    async def server(self, ip: str, within: float) -> Server:
        """The TFTP server at an address.

        Args:
            ip: dotted.
            within: documented seconds for a file of it.

        Raises:
            Unreachable: nobody answers ARP for it.
        """
        ...


async def server_for(settings: Settings, eeprom: Eeprom, network: Network, uart: Uart) -> Server:
    """Have an address, and find who serves the files.

    Args:
        settings: of the board.
        eeprom: its configuration.
        network: its port.
        uart: what is said goes there.

    Raises:
        NoAnswer: of `hil.sim.rom.dhcp`: no server answered.
        NotForUs: those that did had nothing for a Raspberry Pi.
        Unreachable: the TFTP server is not there.
    """
    if eeprom.static is not None and eeprom.tftp_ip is not None:
        network.take(eeprom.static)
        _told(uart, eeprom.static, eeprom.tftp_ip)
        return await network.server(eeprom.tftp_ip, eeprom.tftp_seconds)
    lease = await network.ask(wish_of(settings, eeprom), lambda message: _heard(uart, message))
    _told(uart, Static(lease.ip, lease.netmask, lease.gateway), lease.tftp)
    return await network.server(lease.tftp, eeprom.tftp_seconds)


def wish_of(settings: Settings, eeprom: Eeprom) -> Wish:
    """What the board asks for.

    Args:
        settings: of the board.
        eeprom: its configuration.
    """
    chance = Random(f"{settings.seed}/{settings.mac}/dhcp")
    return Wish(
        guid=guid(settings.mac, settings.serial, settings.revision, eeprom.option97),
        transaction=chance.getrandbits(32),
        match=eeprom.option43.encode(),
        tftp=eeprom.tftp_ip,
        try_seconds=eeprom.dhcp_try_seconds,
        all_seconds=eeprom.dhcp_seconds,
    )


def _told(uart: Uart, own: Static, tftp: str) -> None:
    uart.line(f"NET {own.ip} {own.netmask} gw {own.gateway or '0.0.0.0'} tftp {tftp}")


def _heard(uart: Uart, message: Message) -> None:
    """A message as the bootloader lists it."""
    uart.line(f"DHCP src: {message.mac} {message.source}")
    if message.yours != "0.0.0.0":
        uart.line(f"YI_ADDR {message.yours}")
        uart.line(f"SI_ADDR {message.server}")
    uart.line("OPTIONS:-")
    for number, value in message.options:
        uart.item(f"op: {number:2d} len: {len(value):3d} {_shown(number, value)}")
        if number == _VENDOR:
            _vendor(uart, value)
    uart.plain("")


def _shown(number: int, value: bytes) -> str:
    if number == _TYPE and len(value) == 1:
        kind = _KINDS.get(value[0], "?")
        return f"DHCP recv {kind} ({value[0]}) expect {_EXPECTED.get(value[0], 'OFFER')}"
    if number in _ADDRESSES and len(value) == 4:
        return ".".join(str(byte) for byte in value)
    return ""


def _vendor(uart: Uart, value: bytes) -> None:
    """The PXE options in option 43. Of the boot menu (9) as many bytes as it has are dumped, but from its text on:
    that is more than the text has (the logs of issues 376 and 687)."""
    place = 0
    while place + 1 < len(value) and value[place] != _PXE_END:
        number, size = value[place], value[place + 1]
        uart.item(f"\tPXE op: {number:2d} len: {size:3d}")
        if number == 9:
            _dump(uart, value[place + 5 : place + 5 + size])
        place += 2 + size


def _dump(uart: Uart, data: bytes) -> None:
    for start in range(0, len(data), _ROW):
        row = data[start : start + _ROW]
        codes = " ".join(f"{byte:02x}" for byte in row[:8]) + "  " + " ".join(f"{byte:02x}" for byte in row[8:])
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        uart.plain(f"{start:08x}  {codes:48} |{text:16}|")
