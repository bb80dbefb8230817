"""One gRPC connection that stays, and never comes back by itself: who has lost it must know. Asks nothing of Talos.

grpclib 0.4.9 opens its connection inside `Channel._create_connection` and tells neither the peer's certificate nor why
a connection ended; both are needed here, so that one method is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Coroutine
from enum import Enum
from typing import TypeVar

from grpclib.client import Channel, Handler
from grpclib.exceptions import GRPCError, StreamTerminatedError
from grpclib.protocol import H2Protocol

from hil.readiness.talos.access import Access
from hil.readiness.talos.certificate import Certificate
from hil.readiness.talos.http2 import BROKEN, Protocol
from hil.readiness.talos.tls import WrongKey

T = TypeVar("T")

CALL_FAILURES = (*BROKEN, GRPCError, StreamTerminatedError, OSError, TimeoutError)
"""All that a call raises when the other side is not well: refused, ended, silent, or not understood."""


async def answer_to(question: Coroutine[object, object, T]) -> T:
    """What a question is answered, from a task of its own, so that who cancels the asker is heard.

    grpclib 0.4.9 wakes who waits on a connection that ends by cancelling its task, and raises in place of the
    CancelledError why the connection ended (grpclib/utils.py, Wrapper). A cancel that comes at the same moment would
    be lost.

    Args:
        question: any call of `hil.readiness.talos.calls`.
    """
    task = asyncio.ensure_future(question)
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    return task.result()


class Step(Enum):
    """How far a connection has come."""

    CONNECT = "connect"
    TLS = "tls"
    ASK = "ask"


class Lost(ConnectionError):
    """The connection is over; a new one has to be opened."""


class KeptChannel(Channel):
    """A connection to one node.

    Args:
        access: where it is.
        context: how TLS is spoken.
        pin: the fingerprint of the key that it must show; None for any.
    """

    def __init__(self, access: Access, context: ssl.SSLContext, pin: str | None = None) -> None:
        super().__init__(access.host, access.port, ssl=context)
        self._pin = pin
        self._opened: Protocol | None = None
        self.step = Step.CONNECT
        self.shown: Certificate | None = None

    async def open(self) -> None:
        """Connect: TCP and TLS.

        Raises:
            OSError: TCP or TLS failed; a `ssl.SSLError` is one.
            WrongKey: the node shows another key than the access says.
        """
        await self.__connect__()

    @property
    def end(self) -> BaseException | None:
        """Why it ended; None while it has not, or when nobody said why."""
        return None if self._opened is None else self._opened.end

    @property
    def first(self) -> bytes:
        """The first bytes that came through it."""
        return b"" if self._opened is None else self._opened.first

    @property
    def leaving(self) -> asyncio.Event:
        """Set when the server says that it stops, or it has ended: ask nothing more."""
        return self._there.leaving

    @property
    def over(self) -> asyncio.Event:
        """Set when it has ended."""
        return self._there.over

    @property
    def _there(self) -> Protocol:
        if self._opened is None:
            raise Lost("the channel was never opened")
        return self._opened

    @property
    def lost(self) -> bool:
        """Whether it is over."""
        return self._opened is not None and (self._opened.over.is_set() or not self._connected)

    async def _create_connection(self) -> H2Protocol:
        if self._opened is not None:
            raise Lost("the connection to Talos was lost")
        loop = asyncio.get_running_loop()
        connected = await _connect(self._host, self._port)
        self.step = Step.TLS
        transport, protocol = await loop.create_connection(
            lambda: Protocol(Handler(), self._config, self._h2_config),
            sock=connected,
            ssl=self._ssl,
            server_hostname=self._host,
        )
        self._opened = protocol
        self.step = Step.ASK
        spoken = transport.get_extra_info("ssl_object")
        with contextlib.suppress(ValueError):
            self.shown = Certificate.from_der(spoken.getpeercert(binary_form=True) or b"")
        key = "" if self.shown is None else self.shown.fingerprint
        if self._pin not in (None, key):
            protocol.processor.close()
            raise WrongKey(self._pin or "", key or "unreadable")
        return protocol


async def _connect(host: str, port: int) -> socket.socket:
    """A TCP connection to the first address of a name that takes one; OSError of the last when none does."""
    loop = asyncio.get_running_loop()
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        one = socket.socket(family, kind, protocol)
        try:
            one.setblocking(False)
            await loop.sock_connect(one, address)
        except OSError as error:
            one.close()
            failure = error
        except BaseException:
            one.close()
            raise
        else:
            return one
    raise failure
