"""A board's port as its bootloaders use it: DHCP and TFTP over one wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hil.sim.rom import dhcp, tftp
from hil.sim.rom.dhcp import Lease, Wish
from hil.sim.rom.dhcp_message import Message
from hil.sim.rom.eeprom import Static
from hil.sim.rom.port import Address, Port
from hil.sim.rom.settings import Settings
from hil.sim.rom.tftp import Fetched

_BLOCKS: Final = {"2021": 1024, "2024": 1468}
"""What a BCM2711 asks for, by the year of its bootloader, of a probe as of a file: 1024 in rpi-eeprom issue 74, and
1468 since 2022-10-03 (rpi-eeprom, firmware-2711/release-notes.md; issue 857 has a probe of such a one)."""


def block_size(settings: Settings) -> int | None:
    """Bytes of a TFTP block that a board asks for; None for no word of it, as the bootcode.bin and start.elf of a
    BCM2837 (the requests in raspberrypi/firmware issue 1041).

    Args:
        settings: of the board.
    """
    return None if settings.model.startswith("cm3") else _BLOCKS[settings.release]


class PortNetwork:
    """The port.

    Args:
        port: between its `async with`.
        block: bytes of a TFTP block that it asks for (`block_size`).
    """

    def __init__(self, port: Port, block: int | None) -> None:
        self._port = port
        self._block = block

    async def ask(self, wish: Wish, heard: Callable[[Message], None]) -> Lease:
        """Get a lease, as one that has no address. Errors as in `hil.sim.rom.dhcp.ask`."""
        self._port.begin()
        return await dhcp.ask(self._port, wish, heard)

    def take(self, static: Static) -> None:
        """Take an address without asking."""
        self._port.begin(Address(static.ip, static.netmask, static.gateway))

    async def server(self, ip: str, within: float) -> TftpServer:
        """The TFTP server at an address; `within` are documented seconds for a file.

        Raises:
            Unreachable: nobody answers ARP for it.
        """
        return TftpServer(self._port, ip, await self._port.resolve(ip), within, self._block)


class TftpServer:
    """A server, from one port.

    Args:
        port: that asks.
        ip: the server's, dotted.
        mac: of whom frames to it go to.
        within: documented seconds for a file.
        block: bytes of a block that are asked for; None for no word of it.
    """

    def __init__(self, port: Port, ip: str, mac: str, within: float, block: int | None) -> None:
        self.ip = ip
        self.mac = mac
        self._port = port
        self._within = within
        self._block = block

    async def probe(self, file: str) -> int | None:
        """The bytes of a file; None where there is none. Errors as in `hil.sim.rom.tftp.probe`."""
        return await tftp.probe(self._port, self.ip, file, blksize=self._block, within=self._within)

    async def get(self, file: str) -> Fetched:
        """A file. Errors as in `hil.sim.rom.tftp.get`."""
        return await tftp.get(self._port, self.ip, file, blksize=self._block, within=self._within)

    async def get_plainly(self, file: str) -> Fetched:
        """A file, asked for without any option. Errors as in `hil.sim.rom.tftp.get`."""
        return await tftp.get(self._port, self.ip, file, blksize=None, tsize=False, within=self._within)
