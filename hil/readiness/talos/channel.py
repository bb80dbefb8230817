"""One gRPC connection that stays, and never comes back by itself: who has lost it must know. Asks nothing of Talos.

grpclib 0.4.9 opens its connection inside `Channel._create_connection` and tells neither the peer's certificate nor why
a connection ended; both are needed here, so that one method is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from enum import Enum

from google.protobuf.message import DecodeError
from grpclib.client import Channel, Handler
from grpclib.config import Configuration
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.protocol import H2Protocol
from h2.config import H2Configuration
from h2.exceptions import H2Error
from hyperframe.exceptions import HyperframeError

from hil.readiness.talos.access import Access
from hil.readiness.talos.certificate import Certificate
from hil.readiness.talos.tls import WrongKey

_FIRST_BYTES = 64
_SETTINGS = b"\x04"  # RFC 9113, 3.4 and 4.1: a server's first frame is SETTINGS, and its type is the fourth byte

BROKEN = (
    H2Error,
    HyperframeError,
    NotImplementedError,
    ValueError,
    KeyError,
    AssertionError,
    DecodeError,
    ProtocolError,
)
"""What h2, grpclib and protobuf raise on bytes that are not what they should be."""

CALL_FAILURES = (*BROKEN, GRPCError, StreamTerminatedError, OSError, TimeoutError)
"""All that a call raises when the other side is not well: refused, ended, silent, or not understood."""


class Step(Enum):
    """How far a connection has come."""

    CONNECT = "connect"
    TLS = "tls"
    ASK = "ask"


class Lost(ConnectionError):
    """The connection is over; a new one has to be opened."""


class NotHttp2(Exception):
    """What came through TLS is not HTTP/2."""


class _Protocol(H2Protocol):
    """HTTP/2 that remembers what came first and why it ended."""

    def __init__(self, handler: Handler, config: Configuration, h2_config: H2Configuration) -> None:
        super().__init__(handler, config, h2_config)
        self.first = b""
        self.end: BaseException | None = None
        self.over = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        if len(self.first) < _FIRST_BYTES:
            self.first += data[: _FIRST_BYTES - len(self.first)]
        try:
            # h2 would wait for as many bytes as the first three of any text seem to say.
            if len(self.first) > 3 and self.first[3:4] != _SETTINGS:
                raise NotHttp2("it does not begin with SETTINGS")
            super().data_received(data)
        except (NotHttp2, *BROKEN) as error:
            self.end = error
            self.processor.close("what came is not HTTP/2")
            self.over.set()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.end = self.end or exc
        super().connection_lost(exc)
        self.over.set()


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
        self._opened: _Protocol | None = None
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
    def over(self) -> asyncio.Event:
        """Set when it has ended; only a channel that was opened has it."""
        if self._opened is None:
            raise Lost("the channel was never opened")
        return self._opened.over

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
            lambda: _Protocol(Handler(), self._config, self._h2_config),
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
