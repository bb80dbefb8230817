"""A device on loopback that answers as a test has written down: the bytes it is asked are kept, as they came."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Asked:
    """One request.

    Args:
        line: the first line, as "GET /relay/0?turn=on HTTP/1.1".
        headers: by lower-case name.
        body: of it.
    """

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpTwin:
    """What a scripted device has been asked.

    Args:
        at: "127.0.0.1:PORT".
        asked: all requests, in order.
    """

    at: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The requests' first lines, without " HTTP/1.1"."""
        return [asked.line.removesuffix(" HTTP/1.1") for asked in self.asked]


def says(body: str | bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer."""
    content = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "Connection: close", "", ""]
    return "\r\n".join(head).encode() + content


@contextmanager
def answering(*script: bytes | None) -> Iterator[HttpTwin]:
    """Answers each connection's request with the script's next bytes, the last ones ever again; None: with silence.

    A silent connection is kept open until the end.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        twin = HttpTwin(f"127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(server, twin, script), daemon=True)
        thread.start()
        try:
            yield twin
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket, twin: HttpTwin, script: Sequence[bytes | None]) -> None:
    silent = []
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with suppress(OSError, ValueError):
                twin.asked.append(_request(connection))
            said = script[min(len(twin.asked), len(script)) - 1]
            if said is None:
                silent.append(connection)
                continue
            with connection, suppress(OSError):
                connection.sendall(said)
    for connection in silent:
        connection.close()


def _request(connection: socket.socket) -> Asked:
    with connection.makefile("rb") as stream:
        line = stream.readline().decode().rstrip("\r\n")
        headers = {}
        while text := stream.readline().decode().rstrip("\r\n"):
            name, value = text.split(": ", 1)
            headers[name.lower()] = value
        return Asked(line, headers, stream.read(int(headers.get("content-length", "0"))))
