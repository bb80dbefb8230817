"""The twin's end of a serial line: a pty behind a link of a name that stays the same, like udev's by-id links.

Unplugging hangs the pty up and removes the link; plugging makes a new pty behind the same name, as a USB adapter that
comes back has another ttyUSB number. Knows no bits and no faults of a wire (`hil.sim.uart`).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import select
import struct
import termios
import tty
from contextlib import suppress
from pathlib import Path
from typing import Final

# struct termios2 of Linux (asm-generic/termbits.h): four flag words, the line discipline, 19 control characters, and
# the two speeds in bits per second, whether they are of the Bxxx constants or not.
_TERMIOS2: Final = struct.Struct("=4IB19s2I")
_TCGETS2: Final = 0x802C542A
_CHUNK: Final = 65536
_HELD: Final = 65536
_AGAIN: Final = 0.005


class PtyLine:
    """A serial line that another program opens by its path. Of one event loop, which must run when it is made.

    Args:
        path: of the link; the folder is there, the link is not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        """Bytes written while nobody had the other end open, or took them away too slowly."""
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._arrived = asyncio.Event()
        self._pending = bytearray()
        self._retry: asyncio.TimerHandle | None = None
        self._master: int | None = None
        self._edge: select.epoll | None = None
        self.plug()

    @property
    def plugged(self) -> bool:
        """Whether the link is there."""
        return self._master is not None

    @property
    def opened(self) -> bool:
        """Whether another program has the other end open."""
        if self._master is None:
            return False
        poll = select.poll()
        poll.register(self._master, 0)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    @property
    def baud(self) -> int:
        """The speed that the other side set last, bits per second; 0 while unplugged."""
        if self._master is None:
            return 0
        # On a master the kernel answers for the other end (drivers/tty/tty_ioctl.c, tty_mode_ioctl).
        answer = fcntl.ioctl(self._master, _TCGETS2, bytes(_TERMIOS2.size))
        return int(_TERMIOS2.unpack(answer)[-1])

    async def read(self) -> bytes:
        """The bytes that came since the last call, at least one; waits for it, over a replug too."""
        while not self._received:
            self._arrived.clear()
            await self._arrived.wait()
        data = bytes(self._received)
        self._received.clear()
        return data

    def write(self, data: bytes) -> None:
        """Send. Never waits: what nobody takes is lost, as on a wire, and counted."""
        if not self.opened:
            self.lost += len(data) + len(self._pending)
            self._pending.clear()
            return
        room = _HELD - len(self._pending)
        self._pending += data[:room]
        self.lost += max(0, len(data) - room)
        self._flush()

    def unplug(self) -> None:
        """Pull it: the other side is hung up, the link goes away. Unplugged it stays so."""
        if self._master is None or self._edge is None:
            return
        with suppress(FileNotFoundError):
            self.path.unlink()
        self._loop.remove_reader(self._edge.fileno())
        self._edge.close()
        os.close(self._master)
        self._master = self._edge = None
        self.lost += len(self._pending)
        self._pending.clear()

    def plug(self) -> None:
        """Plug it in again behind the same name; plugged it stays so."""
        if self._master is not None:
            return
        master, slave = os.openpty()
        try:
            tty.setraw(slave, termios.TCSANOW)
            os.set_blocking(master, False)
            self.path.symlink_to(os.ttyname(slave))
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        self._master = master
        # Nobody's end open reads as "hung up" for as long as it lasts; only edges of that are worth waking up for.
        self._edge = select.epoll()
        self._edge.register(master, select.EPOLLIN | select.EPOLLET)
        self._loop.add_reader(self._edge.fileno(), self._take)

    def close(self) -> None:
        """For good."""
        if self._retry is not None:
            self._retry.cancel()
        self.unplug()

    def _take(self) -> None:
        if self._master is None or self._edge is None:
            return
        self._edge.poll(0)
        while True:
            try:
                data = os.read(self._master, _CHUNK)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EIO:  # nobody has the other end open
                    break
                raise
            if not data:
                break
            self._received += data
        if self._received:
            self._arrived.set()

    def _flush(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        while self._pending and self._master is not None:
            try:
                count = os.write(self._master, self._pending)
            except BlockingIOError:
                count = 0
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                count = 0
            if not count:
                break
            del self._pending[:count]
        if self._pending:
            self._retry = self._loop.call_later(_AGAIN, self._again)

    def _again(self) -> None:
        self._retry = None
        if self.opened:
            self._flush()
        else:
            self.lost += len(self._pending)
            self._pending.clear()
