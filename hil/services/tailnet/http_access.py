"""One HTTP request to a control server, by TCP or by a unix socket that leads to it, with TLS as its URL says."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services.tailnet.exchange import Answer

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPException, HTTPResponse

_MOST_BYTES: Final = 16 << 20
_PIECE: Final = 1 << 16
_ENDED: Final = "the connection was ended, as where nothing listens"
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Access:
    """How a server is reached.

    Args:
        url: its address, as "https://10.0.2.100:8443"; its certificate must be valid for the host in it.
        ca_pem: the certificate authority to trust, and no other; "" for those of this host.
        by: a unix socket that leads to it; None for TCP.
    """

    url: str
    ca_pem: str = ""
    by: Path | None = None

    def ask(
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send one request on a connection of its own.

        Args:
            method: as "GET".
            path: with its query, as "/api/v1/node".
            deadline: for the whole answer.
            headers: besides those that HTTP itself needs.
            body: JSON, or None.

        Raises:
            InfrastructureError: it cannot be reached, is not trusted, or has not answered at the deadline.
        """
        from http.client import HTTPConnection, HTTPException

        parts = urlsplit(self.url)
        kind = {"Content-Type": "application/json"} if body is not None else {}
        try:
            with closing(HTTPConnection(str(parts.hostname), parts.port or _PORTS[parts.scheme])) as connection:
                connection.sock = self._connect(connection.host, connection.port, deadline)
                if parts.scheme == "https":
                    connection.sock = self._secured(connection.sock, connection.host)
                connection.request(method, path, body=body, headers={**(headers or {}), **kind})
                response = connection.getresponse()
                return Answer(response.status, _read(connection, response, deadline))
        except (OSError, HTTPException) as error:
            said = _ENDED if _is_end(error) else str(error) or type(error).__name__
            raise InfrastructureError(
                f"{self.url} does not answer: {said}", hint="see that the control server runs, and is the one meant"
            ) from error
        except ValueError:  # of a header: its text has the key
            raise InfrastructureError(
                f"{self.url} cannot be asked: the API key, or the path, has a character that HTTP cannot carry",
                hint="give the key alone, on one line",
            ) from None

    def _secured(self, plain: socket.socket, host: str) -> socket.socket:
        import ssl

        context = ssl.create_default_context(cadata=self.ca_pem or None)
        return context.wrap_socket(plain, server_hostname=host)

    def _connect(self, host: str, port: int, deadline: Deadline) -> socket.socket:
        if self.by is None:
            return socket.create_connection((host, port), deadline.left())
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(deadline.left())
            connection.connect(str(self.by))
        except BaseException:
            connection.close()
            raise
        return connection


def _is_end(error: OSError | HTTPException) -> bool:
    """Whether the other side has ended the connection: before TLS was agreed on, within it, or after it."""
    import ssl

    return isinstance(error, ConnectionResetError | BrokenPipeError | ssl.SSLEOFError)


def _read(connection: HTTPConnection, response: HTTPResponse, deadline: Deadline) -> bytes:
    body = bytearray()
    while piece := response.read1(_PIECE):
        body += piece
        if len(body) > _MOST_BYTES:
            raise OSError(f"more than {_MOST_BYTES >> 20} MiB")
        left = deadline.left()
        if connection.sock is not None:
            connection.sock.settimeout(left)
    return bytes(body)
