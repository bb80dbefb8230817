"""A Raspberry Pi's TFTP client: asks whether a file is there, and reads one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from hil.clock import Deadline
from hil.sim.rom import tftp_message as tftp
from hil.sim.rom.pace import earlier
from hil.sim.rom.port import Datagram, Port, Socket, Unreachable
from hil.sim.rom.tftp_message import Accepted, Answer, Data, Error

_SERVER: Final = 69
_AGAIN_SECONDS: Final = 2.0
"""After how much silence it says the same again (rpi-eeprom issue 74, the times of one RRQ)."""
_PLAIN_BLOCK: Final = 512
_LEAST_BLOCK: Final = 8
_DIGITS: Final = 10
"""Of the longest number that is read: RFC 2348 and RFC 2349 name none, and a size of 32 bits has ten."""
FILE_SECONDS: Final = 30.0
"""The default of TFTP_FILE_TIMEOUT (raspberrypi/documentation, eeprom-bootloader.adoc)."""


class NoAnswer(Exception):
    """The server does not answer, or no longer."""


class NotFound(Exception):
    """The server has no such file; its text is what the server said."""


class Refused(Exception):
    """The server sent another error, or what is not TFTP; its text says what."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file.

    Args:
        data: all of it.
        negotiated: whether the server acknowledged the size of a block. A CM4 reads such a config.txt alone
            (raspberrypi/firmware issue 1012).
    """

    data: bytes
    negotiated: bool


async def probe(
    port: Port, server: str, file: str, *, blksize: int | None, within: float = FILE_SECONDS
) -> int | None:
    """Ask for a file's size, and break off with an error 0, "Early terminate" (rpi-eeprom issue 74).

    Args:
        port: that asks; it has an address.
        server: dotted.
        file: its name, with the prefix.
        blksize: bytes of a block that are asked for; None for no word of it.
        within: documented seconds for the file.

    Returns:
        Its bytes; 0 where the server has it and does not say; None where it has none.

    Raises:
        NoAnswer: nothing came in time.
        Refused: another error came.
    """
    request = tftp.read_request(file, tsize=True, blksize=blksize)
    async with _transfer(port, server, file, request, within) as transfer:
        try:
            answer = await transfer.answer()
        except NotFound:
            return None
        transfer.send(tftp.error(tftp.UNDEFINED, "Early terminate"))
    return _number(answer.options.get("tsize", "")) or 0 if isinstance(answer, Accepted) else 0


async def get(
    port: Port, server: str, file: str, *, blksize: int | None, tsize: bool = True, within: float = FILE_SECONDS
) -> Fetched:
    """Read a file.

    Args:
        port: that asks; it has an address.
        server: dotted.
        file: its name, with the prefix.
        blksize: bytes of a block that are asked for; None for no word of it.
        tsize: whether its size is asked for; the boot ROM of a BCM2837 does not.
        within: documented seconds for the file.

    Raises:
        NotFound: the server has none.
        NoAnswer: not all of it came in time.
        Refused: another error came.
    """
    port.transferring = True
    request = tftp.read_request(file, tsize=tsize, blksize=blksize)
    async with _transfer(port, server, file, request, within) as transfer:
        return await _read(transfer, blksize)


async def _read(transfer: _Transfer, asked: int | None) -> Fetched:
    """All blocks of a file, each once and in order.

    A block that had come already is acknowledged again (rpi-eeprom, release notes of 2021-02-16). After number 65535
    it waits for one that never comes: rpi-eeprom issue 720, mended in 2025 and for a BCM2712 (pull request 755).
    """
    size, expected, negotiated = _PLAIN_BLOCK, 1, False
    pieces: list[bytes] = []
    while True:
        match await transfer.answer():
            case Accepted(options) if not pieces:
                size, negotiated = _agreed(transfer, options, asked)
                transfer.say(tftp.acknowledgement(0))
            case Data(block, data) if block == expected and len(data) <= size:
                pieces.append(data)
                transfer.say(tftp.acknowledgement(block))
                transfer.progress()
                expected += 1
                if len(data) < size:
                    return Fetched(b"".join(pieces), negotiated)
            case Data(block) if 0 < block < expected:
                transfer.send(tftp.acknowledgement(block))


def _agreed(transfer: _Transfer, options: dict[str, str], asked: int | None) -> tuple[int, bool]:
    """The size of a block by what a server accepted.

    Raises:
        Refused: it is not one that was asked for (RFC 2347, RFC 2348).
    """
    if "blksize" not in options:
        return _PLAIN_BLOCK, False
    size = _number(options["blksize"])
    if size is None or not _LEAST_BLOCK <= size <= (asked or 0):
        transfer.send(tftp.error(tftp.BAD_OPTION, "blksize"))
        raise Refused(f"blksize {options['blksize']!r}, after {asked} was asked for")
    return size, True


def _number(text: str) -> int | None:
    """Of decimal digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


@asynccontextmanager
async def _transfer(port: Port, server: str, file: str, request: bytes, within: float) -> AsyncIterator[_Transfer]:
    try:
        await port.resolve(server)
    except Unreachable as error:
        raise NoAnswer(str(error)) from error
    async with port.fresh() as socket:
        transfer = _Transfer(port, socket, server, file, within)
        transfer.say(request)
        yield transfer


class _Transfer:
    """One transfer: what was said last, to whom, and how long it may still take."""

    def __init__(self, port: Port, socket: Socket, server: str, file: str, within: float) -> None:
        self._port = port
        self._socket = socket
        self._server = server
        self._file = file
        self._within = within
        self._whole = port.pace.limit(within)
        self._silence = port.pace.patience(within)
        self._peer: int | None = None
        self._said = b""

    def say(self, data: bytes) -> None:
        """Send, and again when nothing comes."""
        self._said = data
        self.send(data)

    def send(self, data: bytes) -> None:
        """Send once."""
        self._socket.send(data, self._server, self._peer or _SERVER)

    def progress(self) -> None:
        """The server is there, and may have its time once more for the next word."""
        self._silence = self._port.pace.patience(self._within)

    async def answer(self) -> Answer:
        """The next that the server says in this transfer; what else comes to its port is turned away (RFC 1350).

        Raises:
            NotFound: it has no such file.
            Refused: it ends it otherwise.
            NoAnswer: it says nothing in time, or only what it had said before.
        """
        end = earlier(self._whole, self._silence)
        heard = None
        while heard is None:
            heard = await self._heard(earlier(end, self._port.pace.patience(_AGAIN_SECONDS)))
            if end.expired:
                raise NoAnswer(f"{self._server} does not answer for {self._file}")
            if heard is None:
                self.send(self._said)
        if isinstance(heard, Error):
            raise (NotFound if heard.code == tftp.FILE_NOT_FOUND else Refused)(heard.text)
        return heard

    async def _heard(self, deadline: Deadline) -> Answer | None:
        """Of what comes by then, the first that belongs here; none either where strangers talk for as long as that."""
        while (datagram := await self._socket.recv(deadline)) is not None:
            if datagram.source == self._server and (answer := self._ours(datagram)) is not None:
                return answer
            if deadline.expired:
                break
        return None

    def _ours(self, datagram: Datagram) -> Answer | None:
        """An answer of the server's in this transfer, whose port is that of its first one."""
        if self._peer is not None and datagram.port != self._peer:
            self._socket.send(tftp.error(tftp.UNKNOWN_TRANSFER, "Unknown transfer ID"), self._server, datagram.port)
            return None
        answer = tftp.parse(datagram.data)
        if answer is not None:
            self._peer = datagram.port
        return answer
