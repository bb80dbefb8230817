"""HTTP/2 to Talos, by grpclib: what came first, why it ended, and a farewell that leaves time for the last answers.

A server that stops sends GOAWAY and still answers what it was asked before (RFC 9113, 6.8), as Talos does when its
API starts anew with a configuration, or before a reboot. grpclib 0.4.9 ends all at GOAWAY, and h2 takes no frame
after one, so GOAWAY is kept from both.
"""

from __future__ import annotations

import asyncio
from typing import Final

from google.protobuf.message import DecodeError
from grpclib.client import Handler
from grpclib.config import Configuration
from grpclib.exceptions import ProtocolError
from grpclib.protocol import H2Protocol
from h2.config import H2Configuration
from h2.exceptions import H2Error
from hyperframe.exceptions import HyperframeError

BROKEN: Final = (
    H2Error,
    HyperframeError,
    NotImplementedError,
    ValueError,
    KeyError,
    AssertionError,
    DecodeError,
    ProtocolError,
)
"""What h2, grpclib and protobuf raise on bytes that are not what they should be.

NotImplementedError is grpclib's, for an event of HTTP/2 that it does not know (grpclib/protocol.py, EventsProcessor).
"""

_FIRST_BYTES: Final = 64
_HEADER: Final = 9  # RFC 9113, 4.1: length (3), type (1), flags (1), stream (4)
_TYPE: Final = 3
_SETTINGS: Final = 4  # 3.4: a server's first frame
_GOAWAY: Final = 7


class NotHttp2(Exception):
    """What came through TLS is not HTTP/2."""


class Frames:
    """A stream of HTTP/2 without its GOAWAY frames."""

    def __init__(self) -> None:
        self.leaving = False
        self._header = bytearray()
        self._left = 0
        self._kept_back = False

    def feed(self, data: bytes) -> bytes:
        """The bytes to pass on for those that came; the beginning of a frame's header waits for the rest of it."""
        passed = bytearray()
        at = 0
        while at < len(data):
            if self._left:
                part = data[at : at + self._left]
                self._left -= len(part)
                passed += b"" if self._kept_back else part
            else:
                part = data[at : at + _HEADER - len(self._header)]
                self._header += part
                if len(self._header) == _HEADER:
                    passed += self._begin()
            at += len(part)
        return bytes(passed)

    def _begin(self) -> bytes:
        """A frame begins: its header, if the frame is to be passed on."""
        header = bytes(self._header)
        self._header.clear()
        self._left = int.from_bytes(header[:_TYPE], "big")
        self._kept_back = header[_TYPE] == _GOAWAY
        self.leaving = self.leaving or self._kept_back
        return b"" if self._kept_back else header


class Protocol(H2Protocol):
    """One connection."""

    def __init__(self, handler: Handler, config: Configuration, h2_config: H2Configuration) -> None:
        super().__init__(handler, config, h2_config)
        self.first = b""
        self.end: BaseException | None = None
        self.leaving = asyncio.Event()
        self.over = asyncio.Event()
        self._frames = Frames()

    def data_received(self, data: bytes) -> None:
        if len(self.first) < _FIRST_BYTES:
            self.first += data[: _FIRST_BYTES - len(self.first)]
        try:
            # h2 would wait for as many bytes as the first three of any text seem to say.
            if len(self.first) > _TYPE and self.first[_TYPE] != _SETTINGS:
                raise NotHttp2("it does not begin with SETTINGS")
            super().data_received(self._frames.feed(data))
        except (NotHttp2, *BROKEN) as error:
            self.end = error
            self.processor.close("what came is not HTTP/2")
            self._is_over()
        if self._frames.leaving:
            self.leaving.set()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.end = self.end or exc
        super().connection_lost(exc)
        self._is_over()

    def _is_over(self) -> None:
        self.leaving.set()
        self.over.set()
