"""One question and one answer over HTTP with a device of the bench, bounded in time and in size.

No proxy, no redirect, no connection that is kept: a relay in the next room needs none of them, and a plug's web server
has few connections to give. What is asked and what an answer means is for the kinds; it is never asked twice here.
"""

from __future__ import annotations

import errno
import http.client
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, unquote_plus, urlencode

from hil.clock import Deadline, now_ns
from hil.config.model import HostPort
from hil.power.bounds import left
from hil.power.exchange import persistently
from hil.power.places import places
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent
from hil.redaction import HIDDEN

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

    from hil.power.http_login import Login
    from hil.power.http_tls import Tls

BODY_MAX: Final = 256 * 1024
"""Bytes of an answer's body; a Shelly's whole status has some 2 KiB."""

ANSWER_WITHIN: Final = 4.0
"""Seconds that one try waits: a plug on a busy radio channel takes one now and then, two where it wants a proof; an
answer that comes later still is lost, as the next try is a connection of its own."""

_WORDS_MAX: Final = 120
_NOT_THERE: Final = "see whether it has power and is in the network, and whether the rig file's `at:` is its address"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device answered, with a status below 300.

    Args:
        body: at most BODY_MAX bytes.
        at_ns: the middle between question and answer, ns of the one clock.
        error_ns: half of that time.
    """

    body: bytes
    at_ns: int
    error_ns: int


@dataclass(frozen=True, slots=True)
class HttpDevice:
    """A device that is asked over HTTP.

    Args:
        at: where it listens.
        what: what a person calls it, for messages: "Shelly 192.0.2.20".
        login: shows that we may ask; None where it asks for nothing.
        secret: a password that stands in what is asked; what the device says of it is not shown.
        tls: goes around each connection; None for none.
    """

    at: HostPort
    what: str
    login: Login | None = None
    secret: str = field(default="", repr=False)
    tls: Tls | None = None

    def ask(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        deadline: Deadline,
    ) -> Answer:
        """Ask once; twice where it wants a proof that depends on its challenge (RFC 9110, 11.4).

        Args:
            path: as "/relay/0".
            query: what comes behind "?"; it is shown in no message.
            body: JSON that is sent by POST; None for a GET.
            deadline: by when all of the answer must be there.

        Raises:
            PortAbsent: its name leads nowhere, or nobody listens there.
            PortSilent: the connection was made, and no whole answer came.
            PortGarbled: what came is no HTTP, or more than BODY_MAX.
            PortRefused: a status of 300 or above: a wrong password, no such channel.
        """
        target = path + ("?" + urlencode(query, quote_via=quote) if query else "")
        method = "GET" if body is None else "POST"
        shown = None if self.login is None else self.login.unasked()
        asked = self._exchange(method, target, body, shown, deadline)
        if asked.status == 401 and shown is None and self.login is not None:
            shown = self.login.answer(method, target, asked.challenge)
            if shown is None:
                raise PortRefused(
                    f"{self.what}: it asks for a login of another kind: {self.words(asked.challenge) or 'none named'}",
                    hint="see whether the rig file's `kind:` is the device's",
                )
            asked = self._exchange(method, target, body, shown, deadline)
        if asked.status >= 300:
            raise self._refusal(path, asked)
        middle = (asked.began_ns + asked.ended_ns) // 2
        return Answer(asked.body, middle, asked.ended_ns - middle)

    def words(self, text: bytes | str) -> str:
        """The beginning of what the device said, for a message: printable, in one line, with no secret."""
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        if self.secret and self.secret in unquote_plus(said):
            return "(words with the password in them)"
        line = " ".join("".join(char if char.isprintable() else " " for char in said[: 4 * _WORDS_MAX]).split())
        return HIDDEN.redactor.text(line)[:_WORDS_MAX]

    def _exchange(self, method: str, target: str, body: bytes | None, proof: str | None, deadline: Deadline) -> _Asked:
        connection = http.client.HTTPConnection(self.at.host, self.at.port)
        plain = self._connect(deadline)
        connection.sock = plain if self.tls is None else self.tls.around(plain, self.what, deadline)
        headers = {"Connection": "close", "Accept": "application/json"}
        if proof is not None:
            headers["Authorization"] = proof
        if body is not None:
            headers["Content-Type"] = "application/json"
        began = now_ns()
        try:
            connection.request(method, target, body, headers)
            with connection.getresponse() as answer:
                content = answer.read(BODY_MAX + 1)
        except (TimeoutError, ConnectionError) as error:
            raise self._silent(error, deadline) from None
        except http.client.HTTPException as error:
            # Its text may have a line of the answer in it.
            raise self._garbled(type(error).__name__, b"") from None
        except OSError as error:
            raise self._silent(error, deadline) from None
        finally:
            connection.close()
        if len(content) > BODY_MAX:
            raise self._garbled(f"more than {BODY_MAX} bytes", content)
        # http.client takes an answer for whole that ends in its header, or before its Content-Length.
        if answer.headers.defects or answer.length:
            raise self._garbled("it is cut short", content)
        challenge = ", ".join(answer.headers.get_all("WWW-Authenticate") or [])
        return _Asked(answer.status, content, challenge, began, now_ns())

    def _connect(self, deadline: Deadline) -> _Bounded:
        trouble: OSError = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        for place in places(self.at, socket.SOCK_STREAM, self.what, deadline=deadline):
            made = _Bounded(place.family, socket.SOCK_STREAM, place.protocol)
            made.until = deadline
            try:
                made.settimeout(left(deadline))
                made.connect(place.address)
            except OSError as error:
                made.close()
                trouble = error
            else:
                return made
        why = f"no connection within {deadline}" if isinstance(trouble, TimeoutError) else trouble.strerror
        raise PortAbsent(f"{self.what}: nobody listens at {self.at}: {why}", hint=_NOT_THERE)

    def _silent(self, error: OSError, deadline: Deadline) -> PortSilent:
        why = f"no answer within {deadline}" if isinstance(error, TimeoutError) else f"no whole answer: {error}"
        return PortSilent(
            f"{self.what}: {why}; whether it did what it was asked is not known",
            hint="see whether it is overloaded or far from its access point, and try again",
        )

    def _garbled(self, why: str, content: bytes) -> PortGarbled:
        return PortGarbled(
            f"{self.what}: what it answers is no answer: {why} {self.words(content)}".rstrip(),
            hint="see what is at that address; is it another kind of device?",
        )

    def _refusal(self, path: str, asked: _Asked) -> PortRefused:
        said = self.words(asked.body)
        said = f" ({said})" if said else ""
        if asked.status in (401, 403):
            why = "the password is wrong" if self.login or self.secret else "it wants a password"
            return PortRefused(
                f"{self.what}: it refuses: {why}{said}", hint="give it as `password: !env NAME`, as the device has it"
            )
        if asked.status < 400:
            return PortRefused(
                f"{self.what}: it sends elsewhere ({asked.status}) from {path}",
                hint="see whether the rig file's `kind:` is the device's (of most, hil speaks plain HTTP alone)",
            )
        return PortRefused(
            f"{self.what}: it answers {asked.status} to {path}{said}",
            hint="see whether the rig file's `kind:` and `channel:` are the device's",
        )


def patiently(ask: Callable[[Deadline], T], *, deadline: Deadline) -> T:
    """As `hil.power.exchange.persistently`; each try gets ANSWER_WITHIN of this module."""
    return persistently(lambda: ask(deadline.sooner(ANSWER_WITHIN)), deadline=deadline)


@dataclass(frozen=True, slots=True)
class _Asked:
    status: int
    body: bytes
    challenge: str
    began_ns: int
    ended_ns: int


class _Bounded(socket.socket):
    """A socket of which each call lasts until one deadline at most, however slowly bytes drip in."""

    until: Deadline

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(left(self.until))
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        self.settimeout(left(self.until))
        super().sendall(data, flags)
