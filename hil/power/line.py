"""A serial line that several programs take in turns: opened, locked, used for one exchange, and let go.

A relay board has many channels, and two rigs may each use some; so nobody keeps its line. What is said on it is for
the drivers. The lines of consoles, which one program keeps, are in `hil.console`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.devices import device_path
from hil.console.serial_line import holders
from hil.power.port import PortAbsent, PortSilent

_LOOK_EVERY: Final = 0.01
_PARITY: Final = {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a line is set; eight data bits, no flow control.

    Args:
        baud: bits per second; one of termios(3)'s B constants.
        parity: "N", "E" or "O".
        stop_bits: 1 or 2.
    """

    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1

    def __str__(self) -> str:
        return f"{self.baud} baud, 8{self.parity}{self.stop_bits}"


class HeldLine:
    """A line while it is ours alone. Whoever opened it closes it: `held` does.

    Args:
        fd: of the line, not blocking; owned by `held`.
        path: its device file, for messages.
    """

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self.path = path

    def send(self, data: bytes, *, deadline: Deadline) -> None:
        """Write all of it.

        Raises:
            PortAbsent: the line is gone.
            PortSilent: it takes no more bytes until the deadline.
        """
        left = memoryview(data)
        while left:
            if not select.select([], [self._fd], [], deadline.remaining())[1]:
                raise PortSilent(
                    f"{self.path} takes no bytes: {len(left)} of {len(data)} were not sent within {deadline}",
                    hint="take the adapter out and put it in again",
                )
            with self._gone_is_absent():
                left = left[os.write(self._fd, left) :]

    def receive(self, *, deadline: Deadline) -> bytes:
        """What has come, as soon as some has; b"" when nothing comes until the deadline.

        Raises:
            PortAbsent: the line is gone.
        """
        if not select.select([self._fd], [], [], deadline.remaining())[0]:
            return b""
        with self._gone_is_absent():
            data = os.read(self._fd, 4096)
        if not data:
            raise self._gone()
        return data

    def waiting(self) -> int:
        """How many bytes have come and are not read yet.

        Raises:
            PortAbsent: the line is gone.
        """
        with self._gone_is_absent():
            return int.from_bytes(fcntl.ioctl(self._fd, termios.FIONREAD, bytes(4)), "little")

    @contextmanager
    def _gone_is_absent(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._gone() from error

    def _gone(self) -> PortAbsent:
        return PortAbsent(
            f"the serial line {self.path} went away while it was used",
            hint="see that the board's USB plug is in and holds; what the board did of what it was told is not known",
        )


@contextmanager
def held(device: str, settings: Settings, *, deadline: Deadline) -> Iterator[HeldLine]:
    """A serial line for the length of a `with` block: opened, locked, set, what had come on it before thrown away.

    The lock is flock(2) on the device, as pyserial (exclusive=True) and picocom take it. The line is set so that the
    kernel does not drop DTR and RTS at the close (no HUPCL, termios(3)): they rise when it is first opened, which no
    program can prevent, and then stay, so that what hangs on them sees no edge at each exchange.

    Args:
        device: a `DeviceName` that is none of the twin's; looked up anew, as after a replug it may be another file.
        settings: how it is set.
        deadline: until when another program is waited for that has it.

    Raises:
        PortAbsent: it is not there, may not be opened, is no serial line, or another program keeps it, which is named.
    """
    path = device_path(device)
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        _lock(fd, path, deadline)
        _set(fd, path, settings)
        yield HeldLine(fd, path)
    finally:
        os.close(fd)


def _lock(fd: int, path: Path, deadline: Deadline) -> None:
    """Looks again and again: flock(2) itself has no time limit, and nobody keeps a board for more than an exchange."""
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if deadline.expired:
                raise _kept(path) from None
            time.sleep(_LOOK_EVERY)
        else:
            return


def _set(fd: int, path: Path, settings: Settings) -> None:
    speed = getattr(termios, f"B{settings.baud}", None)
    try:
        *_, special = termios.tcgetattr(fd)
        if speed is None:
            raise ValueError(f"{settings.baud} baud")
        special[termios.VMIN], special[termios.VTIME] = 1, 0
        stop = termios.CSTOPB if settings.stop_bits == 2 else 0
        control = termios.CS8 | termios.CREAD | termios.CLOCAL | _PARITY[settings.parity] | stop
        termios.tcsetattr(fd, termios.TCSANOW, [0, 0, control, 0, speed, speed, special])
        termios.tcflush(fd, termios.TCIOFLUSH)
    except (OSError, termios.error, ValueError) as error:
        raise PortAbsent(
            f"{path} cannot be set to {settings}: {error}",
            hint="see that it is a serial line, and that it can do what the rig file says",
        ) from error


def _kept(path: Path) -> PortAbsent:
    who = ", ".join(holders(str(path))) or "this process, or a program that only root can see"
    return PortAbsent(
        f"the serial line {path} is held by {who}",
        hint="end that program: nobody but hil may have a relay board's line open",
    )


def _refused(path: Path, error: OSError) -> PortAbsent:
    if error.errno == errno.EBUSY:
        return _kept(path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortAbsent(
            f"the serial line {path} may not be opened by this user",
            hint="join the group that owns it (dialout on Debian), and log in again",
        )
    return PortAbsent(
        f"the serial line {path} cannot be opened: {error.strerror}",
        hint="see that the board is plugged in; `ls -l /dev/serial/by-id` shows the lines of this host",
    )
