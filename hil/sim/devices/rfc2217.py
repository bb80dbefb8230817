"""A serial server by RFC 2217 (Telnet's COM-PORT-OPTION, 44) that a board's UART is wired to.

The client sets the line's speed. What else it sets (data bits, parity, stop bits, flow control, RTS, DTR) is
acknowledged and changes nothing: the twin's UART is 8N1.
"""

from __future__ import annotations

import struct
from typing import Final

from hil.sim.devices.tcp import TcpConsole
from hil.sim.plan import DevicePlan

# RFC 854 (commands), RFC 856 (binary), RFC 857 (echo), RFC 858 (suppress go ahead), RFC 2217 (com port).
_IAC: Final = 0xFF
_DONT: Final = 0xFE
_DO: Final = 0xFD
_WONT: Final = 0xFC
_WILL: Final = 0xFB
_SB: Final = 0xFA
_SE: Final = 0xF0
_BINARY: Final = 0
_SUPPRESS_GO_AHEAD: Final = 3
_COM_PORT: Final = 44
_SPOKEN: Final = (_BINARY, _SUPPRESS_GO_AHEAD, _COM_PORT)
_SIGNATURE: Final = 0
_SET_BAUDRATE: Final = 1
# The server's answer to a command has its number plus 100 (RFC 2217, section 3).
_ANSWERED: Final = 100
_LONGEST: Final = 256


class Rfc2217:
    """The server's side of one line; a client's bytes may come in any pieces.

    Args:
        baud: until a client sets another, bits per second.
    """

    def __init__(self, baud: int) -> None:
        self.baud = baud
        self._pending = bytearray()
        self._agreed: set[tuple[int, int]] = set()

    def connected(self) -> bytes:
        """Forget what was agreed with the client before; offer what this server speaks."""
        self._pending.clear()
        self._agreed = {(command, option) for option in _SPOKEN for command in (_DO, _WILL)}
        return b"".join(bytes([_IAC, _WILL, option, _IAC, _DO, option]) for option in _SPOKEN)

    def decode(self, data: bytes) -> tuple[bytes, bytes]:
        """The line's bytes in what a client sent, and the answers to its commands."""
        self._pending += data
        plain, answers = bytearray(), bytearray()
        while self._pending:
            place = self._pending.find(_IAC)
            if place:
                end = len(self._pending) if place < 0 else place
                plain += self._pending[:end]
                del self._pending[:end]
                continue
            length = self._command_length()
            if not length:
                break
            command = bytes(self._pending[:length])
            del self._pending[:length]
            if command == bytes([_IAC, _IAC]):
                plain.append(_IAC)
            else:
                answers += self._answer(command)
        return bytes(plain), bytes(answers)

    def encode(self, data: bytes) -> bytes:
        """0xFF is said twice."""
        return _doubled(data)

    def _command_length(self) -> int:
        """Of the command that the pending bytes begin with; 0 while it is not whole."""
        pending = self._pending
        if len(pending) < 2:
            return 0
        if pending[1] in (_DO, _DONT, _WILL, _WONT):
            return 3 if len(pending) >= 3 else 0
        if pending[1] != _SB:
            return 2
        place = 2
        while (place := pending.find(_IAC, place)) >= 0 and place + 1 < len(pending):
            if pending[place + 1] == _SE:
                return place + 2
            place += 2
        return 2 if len(pending) > _LONGEST else 0  # a client that never ends it: its words are then the line's

    def _answer(self, command: bytes) -> bytes:
        if command[1] in (_DO, _WILL):
            return self._agree(command[1], command[2])
        if command[1] == _SB and command[2:3] == bytes([_COM_PORT]) and len(command) > 5:
            return self._com_port(command[3], command[4:-2].replace(b"\xff\xff", b"\xff"))
        return b""

    def _agree(self, command: int, option: int) -> bytes:
        if (command, option) in self._agreed:
            return b""  # an answer to our own offer; to answer it again would never end (RFC 1143)
        self._agreed.add((command, option))
        yes, no = (_WILL, _WONT) if command == _DO else (_DO, _DONT)
        return bytes([_IAC, yes if option in _SPOKEN else no, option])

    def _com_port(self, command: int, value: bytes) -> bytes:
        if command == _SIGNATURE:
            value = value or b"bench twin"
        elif command == _SET_BAUDRATE:
            if len(value) != 4:
                return b""
            # 0 asks what it is (RFC 2217, section 3, SET-BAUDRATE).
            self.baud = struct.unpack("!I", value)[0] or self.baud
            value = struct.pack("!I", self.baud)
        if command >= _ANSWERED:
            return b""
        return bytes([_IAC, _SB, _COM_PORT, command + _ANSWERED]) + _doubled(value) + bytes([_IAC, _SE])


def _doubled(data: bytes) -> bytes:
    return data.replace(b"\xff", b"\xff\xff")


def create(plan: DevicePlan) -> TcpConsole:
    """A serial server; option `baud`, until a client sets another."""
    return TcpConsole(plan.name, Rfc2217(int(plan.options.get("baud") or 115200)))
