"""Telnet as RFC 2217 needs it: bytes of a serial line told from commands, and back. Opens nothing, negotiates nothing.

RFC 854 (IAC and its escape, negotiation), RFC 855 (sub-negotiation). What a hostile server sends costs a bounded
amount of memory and never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IAC: Final = 0xFF
DONT, DO, WONT, WILL = 0xFE, 0xFD, 0xFC, 0xFB
SB: Final = 0xFA
SE: Final = 0xF0

_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Negotiation:
    """IAC, a verb and an option.

    Args:
        verb: DO, DONT, WILL or WONT.
        option: 0 to 255.
    """

    verb: int
    option: int


@dataclass(frozen=True, slots=True)
class Subnegotiation:
    """What stood between IAC SB and IAC SE.

    Args:
        option: 0 to 255.
        data: the rest, its IACs single.
    """

    option: int
    data: bytes


Command = Negotiation | Subnegotiation


class Telnet:
    """Takes a telnet stream apart, however it is cut."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> tuple[bytes, list[Command]]:
        """The bytes of the line, and the commands that are whole now, both in order."""
        self._pending += data
        line = bytearray()
        commands: list[Command] = []
        at = 0
        while at < len(self._pending):
            start = self._pending.find(IAC, at)
            if start < 0:
                line += self._pending[at:]
                at = len(self._pending)
                break
            line += self._pending[at:start]
            taken = self._command(start, line, commands)
            if not taken:
                at = start
                break
            at = start + taken
        del self._pending[:at]
        return bytes(line), commands

    def _command(self, start: int, line: bytearray, commands: list[Command]) -> int:
        """How many bytes the command at `start` has; 0 while it is not whole."""
        if len(self._pending) < start + 2:
            return 0
        verb = self._pending[start + 1]
        if verb == IAC:
            line.append(IAC)
            return 2
        if verb in (DO, DONT, WILL, WONT):
            if len(self._pending) < start + 3:
                return 0
            commands.append(Negotiation(verb, self._pending[start + 2]))
            return 3
        return self._subnegotiation(start, commands) if verb == SB else 2

    def _subnegotiation(self, start: int, commands: list[Command]) -> int:
        body = bytearray()
        at = start + 2
        while at + 1 < len(self._pending):
            byte, following = self._pending[at], self._pending[at + 1]
            if byte != IAC:
                body.append(byte)
                at += 1
            elif following == SE:
                if body:
                    commands.append(Subnegotiation(body[0], bytes(body[1:])))
                return at + 2 - start
            else:
                body.append(following)
                at += 2
            if len(body) > _LONGEST:
                return at - start  # no server that is sane says so much: what follows is read as the line's
        return 0


def escaped(data: bytes) -> bytes:
    """Bytes for the line as they go into a telnet stream."""
    return data.replace(bytes((IAC,)), bytes((IAC, IAC)))


def negotiation(verb: int, option: int) -> bytes:
    """A negotiation as it is sent."""
    return bytes((IAC, verb, option))


def subnegotiation(option: int, data: bytes) -> bytes:
    """A sub-negotiation as it is sent."""
    return bytes((IAC, SB, option)) + escaped(data) + bytes((IAC, SE))
