"""One client's connection to the keeper: lines in, answers out, until it hangs up or becomes a feed.

What the requests mean is `hil.keeper.server`'s.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable

from hil.errors import HilBug, HilError
from hil.keeper import protocol
from hil.keeper.loop import Loop

_MOST_PASSED = 8  # descriptors at once


class Request:
    """One request, to be answered once, now or later.

    Args:
        connection: where it came from.
        message: what was asked.

    Raises:
        protocol.BadMessage: it has no number or no verb.
    """

    def __init__(self, connection: Connection, message: dict[str, object]) -> None:
        self.connection = connection
        self.fields = protocol.Fields(message)
        self.number = self.fields.number("id")
        self.verb = self.fields.text("do")

    def answer(self, result: object = None) -> None:
        """Say what came of it."""
        self.connection.send({"id": self.number, "result": result})

    def fail(self, error: HilError) -> None:
        """Say why not."""
        self.connection.send({"id": self.number, "error": protocol.error_to_json(error)})


class Connection:
    """A connected socket in the loop.

    Args:
        loop: serves it.
        connection: owned from here.
        on_request: called with each request.
        on_gone: called once, when the other side has hung up.
    """

    def __init__(
        self,
        loop: Loop,
        connection: socket.socket,
        on_request: Callable[[Request], None],
        on_gone: Callable[[Connection], None],
    ) -> None:
        connection.setblocking(False)
        self._loop = loop
        self._socket = connection
        self._on_request = on_request
        self._on_gone = on_gone
        self._heard = bytearray()
        self._passed: list[int] = []
        self._unsent = bytearray()
        loop.watch(connection.fileno(), read=self._readable)

    @property
    def closed(self) -> bool:
        """Whether the other side has gone."""
        return self._socket.fileno() < 0

    def take_descriptor(self) -> int:
        """The next descriptor that the other side has passed, the caller's from now on.

        Raises:
            protocol.BadMessage: it passed none.
        """
        if not self._passed:
            raise protocol.BadMessage("no descriptor came with it")
        return self._passed.pop(0)

    def send(self, message: dict[str, object]) -> None:
        """Send a message, now or when the socket takes it; nothing when the other side is gone."""
        if not self.closed:
            self._unsent += protocol.encode(message)
            self._flush()

    def detach(self, last: dict[str, object]) -> socket.socket:
        """Give the socket away, after one last message that must fit into its empty buffer."""
        self._loop.watch(self._socket.fileno())
        given = socket.socket(fileno=self._socket.detach())
        self._on_gone(self)
        with contextlib.suppress(OSError):  # gone already: the first send to the feed notices
            given.send(protocol.encode(last), socket.MSG_NOSIGNAL)
        return given

    def close(self) -> None:
        """Hang up."""
        while self._passed:
            os.close(self._passed.pop())
        if not self.closed:
            self._loop.watch(self._socket.fileno())
            self._socket.close()

    def _flush(self) -> None:
        try:
            sent = self._socket.send(self._unsent, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._gone()
            return
        del self._unsent[:sent]
        self._loop.watch(self._socket.fileno(), read=self._readable, write=self._flush if self._unsent else None)

    def _readable(self) -> None:
        try:
            data, passed, _, _ = socket.recv_fds(self._socket, 1 << 16, _MOST_PASSED, socket.MSG_CMSG_CLOEXEC)
            self._passed += passed
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._heard += data
        if not data or len(self._heard) > protocol.MAX_LINE:
            self._gone()
            return
        while b"\n" in self._heard and not self.closed:
            line, _, rest = bytes(self._heard).partition(b"\n")
            self._heard = bytearray(rest)
            self._handle(line)

    def _handle(self, line: bytes) -> None:
        try:
            request = Request(self, protocol.decode(line))
        except protocol.BadMessage:
            self._gone()
            return
        try:
            self._on_request(request)
        except HilError as error:
            request.fail(error)
        except protocol.BadMessage as error:
            request.fail(HilBug(f"a bad request {request.verb}: {error}", hint="report this"))

    def _gone(self) -> None:
        if not self.closed:
            self.close()
            self._on_gone(self)
