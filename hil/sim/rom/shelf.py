"""A TFTP server as a bootloader uses it: asks for files and reads them, with its prefix, and says so on its UART.

The lines are those of the logs in raspberrypi/rpi-eeprom issues 376 and 417. What a size probe is, and that it ends
with an error packet, is the client's (`hil.sim.rom.tftp`).
"""

from __future__ import annotations

from typing import Final, Protocol

from hil.sim.rom.seconds import Seconds
from hil.sim.rom.tftp import Fetched, NotFound
from hil.sim.rom.uart import Uart

# A start4.elf of 2.7 MB came at 1.7 MB/s (raspberrypi/rpi-eeprom issue 87).
_BYTES_A_SECOND: Final = 1_700_000


class Server(Protocol):
    """A TFTP server."""

    @property
    def mac(self) -> str:
        """Of whom frames to it go to."""
        ...

    @property
    def ip(self) -> str:
        """Its address, dotted."""
        ...

    async def probe(self, file: str) -> int | None:
        """The bytes of a file; None where there is none. Errors as in `get`, but for NotFound."""
        ...

    async def get(self, file: str) -> Fetched:
        """A file.

        Raises:
            NotFound: there is none.
            NoAnswer: it does not answer, or not to the end.
            Refused: it answers with another error.
        """
        ...


class Words(Protocol):
    """What a bootloader says of files on its UART; names are with the prefix."""

    def asks(self, server: Server, name: str) -> None:
        """It asks for one."""
        ...

    def misses(self, name: str, told: str) -> None:
        """The server has none; `told` is what that said, or "" for a size probe."""
        ...

    def has(self, name: str, size: int) -> None:
        """It has one of so many bytes."""
        ...


class EepromWords:
    """Those of an EEPROM bootloader.

    Args:
        uart: where they go.
    """

    def __init__(self, uart: Uart) -> None:
        self._uart = uart

    def asks(self, server: Server, name: str) -> None:
        """As `Words.asks`."""
        self._uart.line(f"TFTP_GET: {server.mac} {server.ip} {name}")

    def misses(self, name: str, told: str) -> None:
        """As `Words.misses`."""
        self._uart.line(f"TFTP 1: {told or f'file {name} not found'}")

    def has(self, name: str, size: int) -> None:
        """As `Words.has`."""
        self._uart.line(f"TFTP: complete {size}")
        self._uart.line(f"Read {name} bytes {size:8d} hnd 0x0")


class Shelf:
    """A server and the prefix that names are asked for under.

    Args:
        server: has the files.
        prefix: with its slash.
        words: what the bootloader says of them.
        uart: what the firmware says goes there.
        seconds: the board's.
    """

    def __init__(self, server: Server, prefix: str, words: Words, uart: Uart, seconds: Seconds) -> None:
        self.prefix = prefix
        self._words = words
        self._server = server
        self._uart = uart
        self._seconds = seconds

    async def has(self, name: str) -> bool:
        """Whether the server has a file."""
        self._words.asks(self._server, self.prefix + name)
        found = await self._server.probe(self.prefix + name)
        if found is None:
            self._words.misses(self.prefix + name, "")
        return found is not None

    async def read(self, name: str) -> Fetched | None:
        """A file; None where the server has none, or an empty one."""
        self._words.asks(self._server, self.prefix + name)
        try:
            fetched = await self._server.get(self.prefix + name)
        except NotFound as missing:
            self._words.misses(self.prefix + name, str(missing))
            return None
        size = len(fetched.data)
        await self._seconds.spend(size / _BYTES_A_SECOND)
        self._words.has(self.prefix + name, size)
        return fetched if size else None

    async def read_for_firmware(self, name: str) -> Fetched | None:
        """As `read`, but for the firmware, whose lines are others (raspberrypi/firmware issues 1292 and 1420)."""
        try:
            fetched = await self._server.get(self.prefix + name)
        except NotFound:
            return None
        self._uart.message(f"brfs: File read: /mfs/sd/{name}")
        await self._seconds.spend(len(fetched.data) / _BYTES_A_SECOND)
        self._uart.message(f"brfs: File read: {len(fetched.data)} bytes")
        return fetched if fetched.data else None
