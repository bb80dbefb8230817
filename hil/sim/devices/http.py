"""HTTP/1.1 as small devices serve it: one request, one answer, and the connection is closed. Opens nothing.

Form of requests and answers: RFC 9112. No chunks, no continuation lines, no keep-alive.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

LONGEST_HEAD: Final = 8192
"""Bytes of a request's head; a longer one is refused."""
LONGEST_BODY: Final = 8192


class BadRequest(Exception):
    """What a client sent is no request that such a device reads."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Args:
        method: "GET", "POST".
        target: as it was sent, for what is computed over it.
        path: of the target, without its query.
        query: its arguments; of two of one name the last.
        headers: by names in small letters.
        body: bytes.
    """

    method: str
    target: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def arguments(self) -> dict[str, str]:
        """Those of the query and of a form in the body (RFC 1866, section 8.2.1)."""
        if "urlencoded" not in self.headers.get("content-type", ""):
            return dict(self.query)
        return {**self.query, **dict(parse_qsl(self.body.decode("latin-1"), keep_blank_values=True))}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Args:
        body: bytes.
        channel: of the device that it is about; None for the whole device.
        status: of HTTP.
        kind: media type.
        headers: beside those that each answer has.
    """

    body: bytes
    channel: int | None = None
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, *, cut: bool = False) -> bytes:
        """As bytes; `cut` leaves out the second half of the body, and the head does not say so."""
        head = {
            "Content-Type": self.kind,
            "Content-Length": str(len(self.body)),
            **self.headers,
            "Connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        body = self.body[: len(self.body) // 2] if cut else self.body
        return f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n{lines}\r\n".encode("latin-1") + body


def of_json(value: object, channel: int | None = None, status: int = 200) -> Reply:
    """An answer in JSON, without spaces, as these devices write it."""
    return Reply(json.dumps(value, separators=(",", ":")).encode(), channel, status)


def parse_head(head: bytes) -> tuple[Request, int]:
    """A request without its body, from its first line to its empty one; and the length of the body, bytes.

    Raises:
        BadRequest: it is none.
    """
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
        raise BadRequest(f"no request line: {first[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(f"no header: {line[:80]!r}")
        headers[name.lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length) > LONGEST_BODY:
        raise BadRequest(f"no length of a body: {length[:80]!r}")
    try:
        parts = urlsplit(words[1])
    except ValueError as error:
        raise BadRequest(f"no target: {words[1][:80]!r}") from error
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(words[0], words[1], parts.path, query, headers), int(length)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The request of one connection; None where the client goes away before it is whole.

    Args:
        reader: of a connection, whose limit is at least `LONGEST_HEAD`.

    Raises:
        BadRequest: what comes is none.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if len(head) > LONGEST_HEAD:
            raise BadRequest("a head that is too long")
        request, length = parse_head(head)
        body = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest("a head that is too long") from error
    return Request(request.method, request.target, request.path, request.query, request.headers, body)
