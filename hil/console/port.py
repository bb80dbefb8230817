"""Ports: where the bytes of a console come from and go to, each behind the same six methods.

A port moves bytes and never waits after it was opened: `read` and `write` return at once, so that one event
loop can serve many. It knows nothing of recordings, readers or words. Serial lines, which alone need
pyserial, are in `hil.console.serial_line`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import termios
import tty
from pathlib import Path
from typing import Protocol

from hil.clock import Deadline
from hil.console.spec import (
    BadPortSpec,
    NoPort,
    PortSpec,
    PtyPort,
    Rfc2217Port,
    SerialPort,
    TcpPort,
    UnixPort,
    from_json,
)
from hil.errors import InfrastructureError

__all__ = [
    "BadPortSpec",
    "Port",
    "PortClosed",
    "PortSpec",
    "PtyPort",
    "SerialPort",
    "SocketPort",
    "TcpPort",
    "TtyPort",
    "UnixPort",
    "from_json",
    "open_port",
]


class PortClosed(Exception):
    """The other side of a port is gone for good. Never shown to a user as it is."""


class Port(Protocol):
    """An open port. Whoever opened it closes it."""

    @property
    def name(self) -> str:
        """What a person calls it, for messages: a device, or an address."""
        ...

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        ...

    def fileno(self) -> int:
        """The descriptor to wait on (select, epoll); -1 once closed."""
        ...

    def read(self, limit: int) -> bytes:
        """At most `limit` bytes that have arrived; b"" when none have. Raises PortClosed at the end."""
        ...

    def write(self, data: bytes) -> int:
        """How many bytes of `data` were taken; 0 when the port is full. Raises PortClosed at the end."""
        ...

    def close(self) -> None:
        """Let go of the port; more than once does no harm."""
        ...


def open_port(spec: PortSpec, *, within: float | Deadline = 5.0) -> Port:
    """Open a port; this alone may wait, for a TCP connection at most.

    Args:
        spec: which.
        within: seconds, or a deadline, for the connection to be made.

    Raises:
        InfrastructureError: it is absent, nobody listens, it may not be opened, or another program holds it.
    """
    deadline = Deadline.of(within)
    match spec:
        case UnixPort(path):
            return SocketPort(_connect_unix(path, deadline), path)
        case TcpPort(host, port):
            return SocketPort(connect_tcp(host, port, deadline), f"{host}:{port}")
        case PtyPort(path):
            return TtyPort(_open_pty(path), path)
        case SerialPort():
            from hil.console.serial_line import open_serial

            return open_serial(spec)
        case Rfc2217Port():
            from hil.console.rfc2217 import open_rfc2217

            return open_rfc2217(spec, deadline)
        case NoPort():
            return SilentPort()


class SocketPort:
    """A port over a connected stream socket, which it owns."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        connection.setblocking(False)
        self._socket = connection
        self.name = name

    @property
    def closed(self) -> bool:
        return self._socket.fileno() < 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self, limit: int) -> bytes:
        try:
            data = self._socket.recv(limit)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise PortClosed(f"{self.name}: {error.strerror}") from error
        if not data:
            raise PortClosed(f"{self.name}: end of stream")
        return data

    def write(self, data: bytes) -> int:
        try:
            return self._socket.send(data, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise PortClosed(f"{self.name}: {error.strerror}") from error

    def close(self) -> None:
        self._socket.close()


class _DescriptorPort:
    """What ports share that own a file descriptor."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self.name = name

    @property
    def closed(self) -> bool:
        return self._descriptor < 0

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class SilentPort(_DescriptorPort):
    """A port that nothing ever comes from, and that takes everything."""

    def __init__(self) -> None:
        super().__init__(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), "no line")

    def read(self, limit: int) -> bytes:
        return b""

    def write(self, data: bytes) -> int:
        return len(data)


class TtyPort(_DescriptorPort):
    """A port over a terminal's descriptor in raw mode with VMIN=1, which it owns.

    With VMIN=1 an empty read means a hang-up and never "nothing yet" (termios(3), non-canonical mode).
    """

    def read(self, limit: int) -> bytes:
        try:
            data = os.read(self._descriptor, limit)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise PortClosed(f"{self.name}: {error.strerror}") from error
        if not data:
            raise PortClosed(f"{self.name}: the line was hung up")
        return data

    def write(self, data: bytes) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise PortClosed(f"{self.name}: {error.strerror}") from error


def _connect_unix(path: str, deadline: Deadline) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(deadline.remaining())
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise InfrastructureError(
            f"the console socket {path} cannot be opened: {error.strerror or error}",
            hint="see whether the program that should listen on it runs, and what it said last",
        ) from error
    return connection


def connect_tcp(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A connection to a serial server.

    Raises:
        InfrastructureError: it cannot be reached.
    """
    try:
        connection = socket.create_connection((host, port), timeout=deadline.remaining())
    except (OSError, OverflowError, UnicodeError) as error:
        raise InfrastructureError(
            f"the console at {host}:{port} cannot be reached: {getattr(error, 'strerror', None) or error}",
            hint="check host and port in the rig file, and that the serial server runs and serves raw TCP",
        ) from error
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _open_pty(path: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InfrastructureError(
            f"the console terminal {path} cannot be opened: {error.strerror}",
            hint="a pseudo terminal exists only while the program behind it runs; see what that said last",
        ) from error
    try:
        tty.setraw(descriptor, termios.TCSANOW)
    except termios.error as error:
        os.close(descriptor)
        what = "exists but is no terminal" if Path(path).exists() else "went away"
        raise InfrastructureError(
            f"the console terminal {path} {what}",
            hint="name a terminal device, as /dev/pts/3",
        ) from error
    return descriptor
