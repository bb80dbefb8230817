"""The HTTP/1.1 side of a plug: one request after another on a connection, and what the faults do to the answers.

As little of RFC 9112 as a plug speaks: a request line, headers, a body by Content-Length. What is none of it is
answered with 400 and the connection closed. Knows no plug.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from hil.sim.device import Faults
from hil.sim.devices.mood import Mood

_LONGEST: Final = 16384
_METHODS: Final = ("GET", "POST", "PUT")


class BadRequest(ValueError):
    """The bytes are no request that a plug takes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Args:
        method: "GET", "POST" or "PUT".
        path: without its query, its escapes undone.
        query: the last value of each name.
        headers: by name in lower case.
        body: at most 16 KiB.
        target: as it stands in the request line, which a digest is over.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    target: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Args:
        body: sent with its length.
        status: 200, 401, ...
        headers: besides Content-Type and Content-Length.
        kind: the Content-Type.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"

    def wire(self) -> bytes:
        """As it is sent."""
        head = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", f"Content-Type: {self.kind}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        head.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(head).encode() + b"\r\n\r\n" + self.body


class HttpServer:
    """Listens on the loopback.

    Args:
        faults: the device's.
        mood: the device's.
        answer: what each request is answered; it acts first.
    """

    def __init__(self, faults: Faults, mood: Mood, answer: Callable[[Request], Reply]) -> None:
        self._faults = faults
        self._mood = mood
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        faults.watch(self._changed)

    async def start(self) -> str:
        """Listen at a port that the kernel chooses; "127.0.0.1:PORT"."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LONGEST)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def close(self) -> None:
        """Close every connection."""
        if self._server is not None:
            self._server.close()
        self._hang_up()
        self._mood.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while request := await read_request(reader):
                if self._mood.silent(None):
                    await reader.read()  # until the other side gives up
                    return
                reply = self._answer(request)
                await self._mood.hesitate()
                if self._faults.active("dropped-reply"):
                    return
                data = reply.wire()
                if self._faults.active("checksum"):  # HTTP has none: the answer ends before its length
                    writer.write(data[: len(data) - len(reply.body) // 2 - 1])
                    return
                writer.write(data)
                await writer.drain()
        except BadRequest as error:
            writer.write(Reply(str(error).encode(), 400, {"Connection": "close"}, "text/plain").wire())
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side went away
        finally:
            self._open.discard(writer)
            with suppress(OSError):
                writer.close()

    def _changed(self, name: str, channel: int | None, on: bool) -> None:
        if on and name in ("reboots", "unplugged"):
            self._hang_up()

    def _hang_up(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None where the other side has closed.

    Raises:
        BadRequest: it is none.
        OSError, IncompleteReadError: the connection broke.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise
    except asyncio.LimitOverrunError as error:
        raise BadRequest("headers too long") from error
    request, length = parse_head(head)
    body = await reader.readexactly(length) if length else b""
    return Request(request.method, request.path, request.query, request.headers, body, request.target)


def parse_head(head: bytes) -> tuple[Request, int]:
    """A request without its body, and how long that is.

    Args:
        head: up to and with the empty line.

    Raises:
        BadRequest: it is none.
    """
    try:
        line, *fields = head.decode("ascii").split("\r\n")[:-2]
        method, target, version = line.split(" ")
        split = urlsplit(target)
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
        length = int(headers.get("content-length", "0"))
    except ValueError as error:
        raise BadRequest("no HTTP request") from error
    if method not in _METHODS or not version.startswith("HTTP/1.") or not target.startswith("/"):
        raise BadRequest("no HTTP request that is known here")
    if not 0 <= length <= _LONGEST:
        raise BadRequest("body too long")
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    return Request(method, unquote(split.path), query, headers, b"", target), length
