"""Empties QEMU's pipe in a thread of its own, and says when each piece arrived and when the pipe was last empty.

It does nothing else, so that QEMU, whose write waits when the pipe is full, never waits for a disk: what nobody takes
is dropped at a limit. It ends when QEMU has gone.
"""

from __future__ import annotations

import os
import select
from _queue import SimpleQueue
from _thread import start_new_thread
from contextlib import suppress
from fcntl import fcntl
from time import monotonic_ns, sleep

# Linux gives an ordinary user's pipe this much at most (pipe(7), /proc/sys/fs/pipe-max-size).
_PIPE_SIZE = 1 << 20
_SET_PIPE_SIZE = 1031
# While packets are rare the pipe is looked at this often, so that one that comes is known to 10 ms at worst, and to no
# more than that after a stop. Measured: 0.35 % of a core.
_LOOK_MS = 10
# While packets are many they are taken together: 24,000 in 3 s cost 0.10 s of a core so, and 0.19 s one by one. When
# they were sent is known from QEMU's own stamps all the same. A pipe is full after 6 ms of a quick download.
_GATHER_SECONDS = 0.002
_MAX_PENDING = 64 << 20

Piece = tuple[bytes, int, int]


class Pipe:
    """One FIFO, from here to its writer's end.

    Args:
        path: of the FIFO.
        since: when it was certainly empty, ns of the one clock.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str, since: int) -> None:
        self._looked = since
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        # A user who has many pipes is refused a large one, which only means more reads.
        with suppress(OSError):
            fcntl(self._descriptor, _SET_PIPE_SIZE, _PIPE_SIZE)
        self._pieces: SimpleQueue[Piece | None] = SimpleQueue()
        self._put = self._taken = 0
        self._told, self.teller = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        """A byte that is written there ends it, also one that a signal writes (signal.set_wakeup_fd)."""
        self.dropped = False
        """Whether something was dropped, after which nothing more comes."""

    def begin(self) -> None:
        """Read from now on, in a thread."""
        start_new_thread(self._run, ())

    def take(self) -> Piece | None:
        """Wait for the next piece: bytes, when the pipe was last seen empty before, when they had arrived (ns).

        Returns:
            None at the end.
        """
        piece = self._pieces.get()
        self._taken += 0 if piece is None else len(piece[0])
        return piece

    def end(self) -> None:
        """Take what is in the pipe now and then end, even though its writer has not."""
        os.write(self.teller, b"x")

    def close(self) -> None:
        """It has ended: nobody can end it any more."""
        os.close(self._told)
        os.close(self.teller)

    def _run(self) -> None:
        try:
            self._read()
        finally:
            os.close(self._descriptor)
            self._pieces.put(None)

    def _read(self) -> None:
        looked, ending = self._looked, False
        poll = select.poll()
        for descriptor in (self._descriptor, self._told):
            poll.register(descriptor, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(0 if ending else _LOOK_MS)}
            before = monotonic_ns()
            if self._told in ready:
                ending = True
                poll.unregister(self._told)
            elif not ready:
                # The time-out alone says only that it was empty when it began.
                if not poll.poll(0):
                    looked = before
                if ending:
                    return
            if self._descriptor not in ready:
                continue
            data = _read(self._descriptor)
            if not data:
                return
            self._pass_on((data, looked, monotonic_ns()))
            if len(data) < _PIPE_SIZE:
                looked = before
            sleep(_GATHER_SECONDS)

    def _pass_on(self, piece: Piece) -> None:
        if self._put - self._taken > _MAX_PENDING:
            self.dropped = True
        if not self.dropped:
            self._put += len(piece[0])
            self._pieces.put(piece)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIPE_SIZE)
    except BlockingIOError:
        return b""
