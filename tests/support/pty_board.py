"""A device on a serial line, for drivers: a pty, and a function that says what it answers to the bytes that come."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable

Answer = Callable[[bytes], bytes]


class PtyBoard:
    """One device behind a pty, answering until it is closed.

    Args:
        answer: gets all bytes since its last answer that was not empty; b"" for "nothing yet".
    """

    def __init__(self, answer: Answer) -> None:
        self.heard = b""
        self._answer = answer
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def says(self, data: bytes) -> None:
        """Unasked; it is there for whoever opens the line when this returns."""
        os.write(self._master, data)

    def close(self) -> None:
        """Unplug it."""
        os.write(self._stopper, b"x")
        self._thread.join()
        for fd in (self._master, self._slave, self._stop, self._stopper):
            os.close(fd)

    def _run(self) -> None:
        pending = b""
        while True:
            ready, _, _ = select.select([self._master, self._stop], [], [])
            if self._stop in ready:
                return
            data = os.read(self._master, 4096)
            self.heard += data
            pending += data
            if reply := self._answer(pending):
                pending = b""
                os.write(self._master, reply)
