"""A console of the keeper: a port that is read for as long as it lives, into a stream.

A line that goes away (an adapter is unplugged, a serial server starts anew) may be opened again when it is back: the
incarnation goes on, for the machine behind it does. Opening may take time (a TCP connection), so a thread does that
alone; all else happens in the loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from hil.clock import Deadline
from hil.console.port import Port, PortClosed, open_port
from hil.console.spec import PortSpec
from hil.console.stream import MAX_CHUNK
from hil.errors import HilError
from hil.keeper.loop import Loop
from hil.keeper.stream import Stream

LOST: Final = "console-lost"
BACK: Final = "console-back"
"""The keeper's events of a line that went away and of its return."""

_TRY_EVERY: Final = 0.2
_TRY_WITHIN: Final = 5.0


class Console:
    """The ports of one stream, one after the other.

    Args:
        loop: where reading happens.
        stream: where the bytes go.
        note: told LOST and BACK, each with why, of a port that is opened again when it is back.
    """

    def __init__(self, loop: Loop, stream: Stream, note: Callable[[str, str], None]) -> None:
        self._loop = loop
        self._stream = stream
        self._note = note
        self._port: Port | None = None
        self._again: PortSpec | None = None
        self._tries = 0

    def open(
        self, spec: PortSpec, deadline: Deadline, done: Callable[[HilError | None], None], *, reopen: bool = False
    ) -> None:
        """Close the port there is, open this one and read it; `done` gets None or why not.

        Args:
            spec: which.
            deadline: for a connection.
            done: told once.
            reopen: open it again whenever it goes away, in the same incarnation, until `close`.
        """
        self.close()

        def opened(port: Port) -> None:
            self.close()
            self._again = spec if reopen else None
            self._stream.begin(self)
            self._use(port)
            done(None)

        self._start(spec, deadline, opened, done)

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
        on = self._port is not None or self._again is not None
        self._again = None
        self._tries += 1
        self._loop.set_timer(self, None, self._try)
        self._drop()
        if on:
            self._stream.end()

    def _start(
        self,
        spec: PortSpec,
        deadline: Deadline,
        opened: Callable[[Port], None],
        failed: Callable[[HilError], None],
    ) -> None:
        def work() -> None:
            try:
                port = open_port(spec, within=deadline)
            except HilError as error:
                failure = error
                self._loop.call_soon_threadsafe(lambda: failed(failure))
            else:
                self._loop.call_soon_threadsafe(lambda: opened(port))

        threading.Thread(target=work, name=f"open {self._stream.name}", daemon=True).start()

    def _use(self, port: Port) -> None:
        self._port = port
        self._watch(writing=False)

    def _drop(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            self._loop.watch(port.fileno())
            port.close()

    def _lost(self, why: str) -> None:
        """The port went away: for good, or until it is back."""
        if self._again is None:
            self.close()
            return
        self._drop()
        self._note(LOST, why)
        self._later()

    def _later(self) -> None:
        self._loop.set_timer(self, Deadline.after(_TRY_EVERY), self._try)

    def _try(self) -> None:
        """Open it again. An answer that comes after the console was closed, or opened anew, is nobody's."""
        spec, number = self._again, self._tries
        if spec is None:
            return

        def back(port: Port) -> None:
            if number != self._tries:
                port.close()
                return
            self._use(port)
            self._note(BACK, port.name)

        def failed(error: HilError) -> None:
            if number == self._tries:
                self._later()

        self._start(spec, Deadline.after(_TRY_WITHIN), back, failed)

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
        except PortClosed as error:
            self._lost(str(error))
            return
        if data:
            self._stream.arrived(data)
