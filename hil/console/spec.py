"""Which port a console has: plain data that travels as JSON. Opens nothing; `hil.console.port` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, get_type_hints


class BadPortSpec(ValueError):
    """A JSON document does not describe a port."""


@dataclass(frozen=True, slots=True)
class _Port:
    """What all kinds are."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, object]:
        """A document that `from_json` takes."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True)
class UnixPort(_Port):
    """A unix stream socket that somebody (QEMU) listens on.

    Args:
        path: the socket's path; at most 107 bytes (unix(7)).
    """

    kind: ClassVar[str] = "unix"
    path: str


@dataclass(frozen=True, slots=True)
class TcpPort(_Port):
    """A raw TCP socket: ser2net in raw mode, a terminal server.

    Args:
        host: name or address.
        port: 1 to 65535.
    """

    kind: ClassVar[str] = "tcp"
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class PtyPort(_Port):
    """A pseudo terminal's slave (pts(4)), put into raw mode when it is opened.

    Args:
        path: the slave, as /dev/pts/3.
    """

    kind: ClassVar[str] = "pty"
    path: str


@dataclass(frozen=True, slots=True)
class SerialPort(_Port):
    """A serial line of this host, taken for ourselves alone.

    Args:
        path: the device; a name under /dev/serial/by-id stays the same over a replug.
        baud: bits per second.
        parity: "N", "E" or "O".
        stop_bits: 1 or 2.
        rtscts: hardware flow control.
    """

    kind: ClassVar[str] = "serial"
    path: str
    baud: int = 115200
    parity: str = "N"
    stop_bits: int = 1
    rtscts: bool = False


@dataclass(frozen=True, slots=True)
class Rfc2217Port(_Port):
    """A serial line behind a serial server that sets it (RFC 2217).

    Args:
        host: name or address.
        port: 1 to 65535.
        baud: bits per second.
        parity: "N", "E" or "O".
        stop_bits: 1 or 2.
        rtscts: hardware flow control.
    """

    kind: ClassVar[str] = "rfc2217"
    host: str
    port: int
    baud: int = 115200
    parity: str = "N"
    stop_bits: int = 1
    rtscts: bool = False


@dataclass(frozen=True, slots=True)
class NoPort(_Port):
    """No line at all: a console that is silent for ever, for a machine that none leads to."""

    kind: ClassVar[str] = "none"


PortSpec = UnixPort | TcpPort | PtyPort | SerialPort | Rfc2217Port | NoPort

_KINDS: dict[str, type[PortSpec]] = {
    kind.kind: kind for kind in (UnixPort, TcpPort, PtyPort, SerialPort, Rfc2217Port, NoPort)
}


def from_json(document: Mapping[str, object]) -> PortSpec:
    """The port that `to_json` described.

    Raises:
        BadPortSpec: another kind, a field too many or missing, or of another type.
    """
    kind = document.get("kind")
    made = _KINDS.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise BadPortSpec(f"a port's kind is one of {', '.join(_KINDS)}; not {kind!r}")
    types = get_type_hints(made)
    wanted = {field.name: types[field.name] for field in fields(made)}
    values = {name: value for name, value in document.items() if name != "kind"}
    if values.keys() != wanted.keys():
        raise BadPortSpec(f"a port of kind {kind} has the fields {', '.join(wanted)}; not {', '.join(values)}")
    for name, type_ in wanted.items():
        if type(values[name]) is not type_:
            raise BadPortSpec(f"{name} of a {kind} port is of type {type_.__name__}; not {values[name]!r}")
    make: Callable[..., PortSpec] = made
    return make(**values)
