"""What Matchbox answers to a URL as its machines write it. Asks as they do, from this host."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.errors import InfrastructureError, NodeError, UsageError

_MOST_BYTES: Final = 16 << 20
_HTTP: Final = 80


def answer(url: str, *, seen: HostPort, address: tuple[str, int], deadline: Deadline) -> bytes:
    """The body of Matchbox's answer.

    Args:
        url: as a machine of the bench would ask for it.
        seen: where machines find Matchbox.
        address: where this host finds it.
        deadline: for the answer.

    Raises:
        UsageError: the URL is another server's.
        NodeError: Matchbox has nothing there.
        InfrastructureError: Matchbox does not answer.
    """
    from http.client import HTTPConnection, HTTPException

    path = _path(url, seen)
    connection = HTTPConnection(*address)
    try:
        connection.timeout = deadline.left()
        connection.request("GET", path)
        got = connection.getresponse()
        body = got.read(_MOST_BYTES)
    except (OSError, HTTPException) as error:
        raise InfrastructureError(
            f"Matchbox at {address[0]}:{address[1]} does not answer: {error}",
            hint="read matchbox.log in the bench's folder for its last words",
        ) from error
    finally:
        connection.close()
    if got.status != 200:
        raise NodeError(
            f"Matchbox answers {got.status} to {without_query(url)}: it has no configuration there for this machine",
            hint="matchbox.log in the bench's folder has the labels that were asked with; see which group they select",
        )
    return body


def without_query(url: str) -> str:
    """A URL for a message: the parts of it that may be secret are left out."""
    bare = url.partition("?")[0].partition("#")[0]
    scheme, slashes, rest = bare.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"


def _path(url: str, seen: HostPort) -> str:
    """Path and query, when the URL is one of the bench's Matchbox."""
    try:
        parts = urlsplit(url)
        place = (parts.scheme, (parts.hostname or "").lower(), parts.port or _HTTP)
    except ValueError:
        place = ("", "", 0)
    if place != ("http", seen.host.lower(), seen.port):
        raise UsageError(
            f"the machine configuration comes from {without_query(url)}, which is not the bench's Matchbox: machines"
            f" find that at http://{seen}",
            hint="compare with what that server has by its own means; or have Matchbox serve the configuration",
        )
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
