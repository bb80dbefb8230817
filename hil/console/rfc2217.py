"""A serial line behind a serial server that speaks RFC 2217 (ser2net, ESPs, terminal servers), as a port.

The line is set when it is opened, and the server's word on the speed is waited for, which is the proof that it sets
lines at all; nothing else is ever waited for (a server that does not answer a purge must not hang a bench:
labgrid issue 1779). DTR and RTS stay as the server has them: on some boards they reset the machine.
"""

from __future__ import annotations

import select
from collections import deque
from typing import Final

from hil.clock import Deadline
from hil.console.port import PortClosed, SocketPort, connect_tcp
from hil.console.spec import Rfc2217Port
from hil.console.telnet import (
    DO,
    DONT,
    IAC,
    WILL,
    WONT,
    Command,
    Negotiation,
    Subnegotiation,
    Telnet,
    escaped,
    negotiation,
    subnegotiation,
)
from hil.errors import InfrastructureError

COM_PORT: Final = 44
"""RFC 2217, section 2."""
BINARY, ECHO, SUPPRESS_GO_AHEAD = 0, 1, 3
"""RFC 856, RFC 857, RFC 858."""

_SET_BAUDRATE, _SET_DATASIZE, _SET_PARITY, _SET_STOPSIZE, _SET_CONTROL = 1, 2, 3, 4, 5
_FROM_SERVER: Final = 100  # the server's answers have the client's numbers and this (section 3)
_PARITY: Final = {"N": 1, "O": 2, "E": 3}
_NO_FLOW_CONTROL, _HARDWARE_FLOW_CONTROL = 1, 3
_OURS: Final = (BINARY, SUPPRESS_GO_AHEAD, COM_PORT)
_THEIRS: Final = (BINARY, SUPPRESS_GO_AHEAD, ECHO)
_PIECE: Final = 4096


def open_rfc2217(spec: Rfc2217Port, deadline: Deadline) -> Rfc2217Line:
    """Connect, and set the line.

    Raises:
        InfrastructureError: nobody listens, it does not speak RFC 2217, or its line cannot have this speed.
    """
    line = Rfc2217Line(SocketPort(connect_tcp(spec.host, spec.port, deadline), f"{spec.host}:{spec.port}"))
    try:
        line.set(spec, deadline)
    except BaseException:
        line.close()
        raise
    return line


class Rfc2217Line:
    """The protocol Port over a telnet connection, which it owns.

    Args:
        connection: to the server; not a byte was exchanged yet.
    """

    def __init__(self, connection: SocketPort) -> None:
        self.name = connection.name
        self._connection = connection
        self._telnet = Telnet()
        self._replies = bytearray()
        self._heard: deque[bytes] = deque()
        self._asked: set[tuple[int, int]] = set()
        self._refused = False
        self._baud: int | None = None
        self._half_sent = False

    @property
    def closed(self) -> bool:
        return self._connection.closed

    def fileno(self) -> int:
        return self._connection.fileno()

    def set(self, spec: Rfc2217Port, deadline: Deadline) -> None:
        """Negotiate, set the line, and wait for the server's word on the speed.

        Raises:
            InfrastructureError: it does not speak RFC 2217, or says another speed.
        """
        for option in _OURS:
            self._ask(WILL, option)
        for option in (BINARY, SUPPRESS_GO_AHEAD):
            self._ask(DO, option)
        control = _HARDWARE_FLOW_CONTROL if spec.rtscts else _NO_FLOW_CONTROL
        for command, value in (
            (_SET_BAUDRATE, spec.baud.to_bytes(4, "big")),
            (_SET_DATASIZE, bytes((8,))),
            (_SET_PARITY, bytes((_PARITY[spec.parity],))),
            (_SET_STOPSIZE, bytes((spec.stop_bits,))),
            (_SET_CONTROL, bytes((control,))),
        ):
            self._replies += subnegotiation(COM_PORT, bytes((command,)) + value)
        try:
            while self._baud is None and not self._refused and not deadline.expired:
                self._flush()
                select.select([self.fileno()], [], [], deadline.remaining())
                self._take()
        except PortClosed as error:
            raise InfrastructureError(
                f"the serial server {self.name} hung up while its line was set: {error}",
                hint="see the server's log; many serve one connection at a time",
            ) from error
        self._check(spec, deadline)

    def read(self, limit: int) -> bytes:
        if not self._heard:
            self._take()
            self._flush()
        if not self._heard:
            return b""
        data = self._heard.popleft()
        if len(data) > limit:
            self._heard.appendleft(data[limit:])
        return data[:limit]

    def write(self, data: bytes) -> int:
        self._flush()
        if self._replies:
            return 0
        piece = data[:_PIECE]
        wire = escaped(piece)[int(self._half_sent) :] if piece else b""
        sent = self._connection.write(wire) + int(self._half_sent) if wire else 0
        taken = 0
        for byte in piece:
            width = 2 if byte == IAC else 1
            if sent < width:
                break
            sent -= width
            taken += 1
        # Of a byte that is two on the wire one may have gone: the caller gives it again, and the other one follows.
        self._half_sent = sent == 1
        return taken

    def close(self) -> None:
        self._connection.close()

    def _take(self) -> None:
        data = self._connection.read(_PIECE)
        if data:
            line, commands = self._telnet.feed(data)
            if line:
                self._heard.append(line)
            for command in commands:
                self._obey(command)

    def _flush(self) -> None:
        if self._replies:
            del self._replies[: self._connection.write(bytes(self._replies))]

    def _ask(self, verb: int, option: int) -> None:
        self._asked.add((verb, option))
        self._replies += negotiation(verb, option)

    def _obey(self, command: Command) -> None:
        match command:
            case Negotiation(verb, option):
                self._negotiate(verb, option)
            case Subnegotiation(option, data):
                if option == COM_PORT and len(data) >= 5 and data[0] == _SET_BAUDRATE + _FROM_SERVER:
                    self._baud = int.from_bytes(data[1:5], "big")

    def _negotiate(self, verb: int, option: int) -> None:
        """Answer what was not asked for; an answer to what we asked is no question (RFC 1143 has why)."""
        if option == COM_PORT and verb == DONT:
            self._refused = True
        request = {DO: WILL, DONT: WILL, WILL: DO, WONT: DO}[verb]
        if (request, option) in self._asked:
            self._asked.discard((request, option))
            return
        if verb == DO:
            self._replies += negotiation(WILL if option in _OURS else WONT, option)
        elif verb == WILL:
            self._replies += negotiation(DO if option in _THEIRS else DONT, option)

    def _check(self, spec: Rfc2217Port, deadline: Deadline) -> None:
        if self._baud == spec.baud:
            return
        if self._baud is not None:
            raise InfrastructureError(
                f"the serial server {self.name} has set its line to {self._baud} baud and not to {spec.baud}",
                hint="give the console a `baud:` that its line can have, or see what the server's configuration fixes",
            )
        said = "refuses RFC 2217" if self._refused else f"said nothing of its line's speed within {deadline}"
        raise InfrastructureError(
            f"the serial server {self.name} {said}",
            hint="write `protocol: raw` if it serves raw TCP; with ser2net take `accepter: telnet(rfc2217)`",
        )
