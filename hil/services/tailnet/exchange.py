"""One request of HTTP/1.1 and its answer, on a socket of the caller's choice, all of it by one deadline.

The limit of http.client counts for each read alone, so a server that sends one byte now and then would never end.
Knows nothing of what is asked.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.clock import Deadline

if TYPE_CHECKING:
    from http.client import HTTPConnection

_MOST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        status: of HTTP, as 200.
        body: all of it.
    """

    status: int
    body: bytes

    @property
    def words(self) -> str:
        """The beginning of the body for a message, on one line."""
        from hil.console.transcript import printable

        return " ".join(printable(self.body[:300]).split())[:120]


Dial = Callable[[Deadline], "BoundedSocket"]
"""Makes the connection that one request goes by."""


class BoundedSocket(socket.socket):
    """A stream socket whose every wait ends at one deadline, until it is closed.

    Args:
        family: as socket.AF_UNIX.
        deadline: of all that is done with it.
    """

    def __init__(self, family: socket.AddressFamily, deadline: Deadline) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._deadline = deadline

    def bound(self) -> None:
        """Give the next call the time that is left.

        Raises:
            TimeoutError: none is.
        """
        self.settimeout(self._deadline.left())

    def recv_into(self, *args: object, **kwargs: object) -> int:
        """As every socket's; what http.client reads comes by it (CPython, socket.SocketIO.readinto)."""
        self.bound()
        return super().recv_into(*args, **kwargs)  # type: ignore[arg-type]


def unix(path: Path) -> Dial:
    """Connects to a unix socket by its path."""

    def dial(deadline: Deadline) -> BoundedSocket:
        return _connected(socket.AF_UNIX, str(path), deadline)

    return dial


def tcp(host: str, port: int) -> Dial:
    """Connects to a TCP port of an address.

    Args:
        host: an address, or a name of this host's own.
        port: 1 to 65535.
    """

    def dial(deadline: Deadline) -> BoundedSocket:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return _connected(family, address, deadline)

    return dial


def exchange(dial: Dial, method: str, target: str, host: str, deadline: Deadline) -> Answer:
    """Ask once.

    Args:
        dial: makes the connection, which is closed after the answer.
        method: as "GET".
        target: path and query.
        host: what the header Host says.
        deadline: of all of it.

    Raises:
        OSError: there is no connection, it ended before the answer (ConnectionResetError), or time is up
            (TimeoutError); also an answer that is no HTTP, or longer than 32 MiB (ConnectionError).
    """
    from http.client import HTTPException

    connection = _connection(dial, host, deadline)
    try:
        connection.request(method, target)
        got = connection.getresponse()
        body = got.read(_MOST_BYTES)
        if len(body) == _MOST_BYTES:
            raise ConnectionError(f"the answer is longer than {_MOST_BYTES} bytes")
        if got.length:  # what was promised and did not come; a read of at most so many bytes does not complain
            raise ConnectionError(f"the answer ended {got.length} bytes before its end")
        return Answer(got.status, body)
    except HTTPException as error:
        if isinstance(error, ConnectionError):  # it ended the connection instead of answering
            raise
        raise ConnectionError(f"the answer is no HTTP ({type(error).__name__})") from error
    finally:
        connection.close()


def _connected(family: socket.AddressFamily, address: object, deadline: Deadline) -> BoundedSocket:
    made = BoundedSocket(family, deadline)
    try:
        made.bound()
        made.connect(address)  # type: ignore[arg-type]
    except BaseException:
        made.close()
        raise
    return made


def _connection(dial: Dial, host: str, deadline: Deadline) -> HTTPConnection:
    from http.client import HTTPConnection

    class Dialled(HTTPConnection):
        """One that goes by the caller's socket."""

        def connect(self) -> None:
            self.sock = dial(deadline)

    return Dialled(host)
