"""A console of the keeper: a port that is read for as long as it lives, into a stream.

Opening may take time (a TCP connection), so a thread does that alone; all else happens in the loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from hil.clock import Deadline
from hil.console.port import Port, PortClosed, open_port
from hil.console.spec import PortSpec
from hil.console.stream import MAX_CHUNK
from hil.errors import HilError
from hil.keeper.loop import Loop
from hil.keeper.stream import Stream


class Console:
    """The ports of one stream, one after the other.

    Args:
        loop: where reading happens.
        stream: where the bytes go.
    """

    def __init__(self, loop: Loop, stream: Stream) -> None:
        self._loop = loop
        self._stream = stream
        self._port: Port | None = None

    def open(self, spec: PortSpec, deadline: Deadline, done: Callable[[HilError | None], None]) -> None:
        """Close the port there is, open this one and read it; `done` gets None or why not."""
        self.close()

        def work() -> None:
            try:
                port = open_port(spec, within=deadline)
            except HilError as error:
                failure = error
                self._loop.call_soon_threadsafe(lambda: done(failure))
            else:
                self._loop.call_soon_threadsafe(lambda: self._opened(port, done))

        threading.Thread(target=work, name=f"open {self._stream.name}", daemon=True).start()

    def fileno(self) -> int:
        """The open port's descriptor, or -1."""
        return -1 if self._port is None else self._port.fileno()

    def write(self, data: bytes) -> int:
        """Send to the port; how much it took. All of it where the port is gone: its end is noticed by reading."""
        if self._port is None:
            return len(data)
        try:
            taken = self._port.write(data)
        except PortClosed:
            return len(data)
        if taken < len(data):
            self._watch(writing=True)
        return taken

    def drain(self) -> None:
        """Read what has arrived already, up to a bound: what a guest said before its end is in the record."""
        for _ in range(64):
            before = self._stream.received
            self._readable()
            if self._port is None or self._stream.received == before:
                return

    def close(self) -> None:
        """Close the port; the incarnation ends."""
        port, self._port = self._port, None
        if port is not None:
            self._loop.watch(port.fileno())
            port.close()
            self._stream.end()

    def _opened(self, port: Port, done: Callable[[HilError | None], None]) -> None:
        self.close()
        self._port = port
        self._stream.begin(self)
        self._watch(writing=False)
        done(None)

    def _watch(self, *, writing: bool) -> None:
        self._loop.watch(self.fileno(), read=self._readable, write=self._writable if writing else None)

    def _writable(self) -> None:
        self._stream.flush()
        if self._port is not None and not self._stream.wants_to_write:
            self._watch(writing=False)

    def _readable(self) -> None:
        if self._port is None:
            return
        try:
            data = self._port.read(MAX_CHUNK)
        except PortClosed:
            self.close()
            return
        if data:
            self._stream.arrived(data)
