"""A serial line of this host, opened for ourselves alone. The only module that imports pyserial.

pyserial sets the line up; bytes then move through `TtyPort`, because pyserial's own non-blocking write spins
while the line is full, and its read cannot tell an unplugged adapter from silence.
"""

from __future__ import annotations

import errno
import os
import termios
from pathlib import Path

from hil.console.port import SerialPort, TtyPort
from hil.errors import InfrastructureError


def open_serial(spec: SerialPort) -> TtyPort:
    """Open the line raw, with its speed set, locked by flock(2) as pyserial and picocom do.

    Raises:
        InfrastructureError: it is absent, forbidden, no serial line, or held by a program, which is named.
    """
    import serial

    if not Path(spec.path).exists():
        raise InfrastructureError(
            f"the serial line {spec.path} does not exist",
            hint=f"plug the adapter in, or name one that exists: {_lines_here()}",
        )
    _check_before_touching(spec)
    try:
        line = serial.Serial(
            port=spec.path,
            baudrate=spec.baud,
            parity=spec.parity,
            stopbits=spec.stop_bits,
            rtscts=spec.rtscts,
            timeout=0,
            exclusive=True,
        )
    except (OSError, ValueError, termios.error) as error:
        raise _refused(spec, error) from error
    try:
        descriptor = os.dup(line.fileno())
    finally:
        line.close()
    try:
        _let_hang_up_be_seen(descriptor)
    except termios.error as error:  # it was pulled just now
        os.close(descriptor)
        raise _refused(spec, error) from error
    return TtyPort(descriptor, spec.path)


def _check_before_touching(spec: SerialPort) -> None:
    """Refuse before pyserial sets speed and drops what has arrived, which another program would notice."""
    try:
        descriptor = os.open(spec.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(spec, error) from error
    is_terminal = os.isatty(descriptor)
    os.close(descriptor)
    if not is_terminal:
        raise InfrastructureError(
            f"{spec.path} exists but is no serial line",
            hint=f"name a serial line in the rig file: {_lines_here()}",
        )
    others = holders(spec.path)
    if others:
        raise held_by(spec.path, others)


def holders(path: str) -> list[str]:
    """Other processes that have the device open, as "minicom (pid 12)"; other users' only when we are root.

    Read from /proc/PID/fd (proc(5)); nobody need have taken a lock to be found here.
    """
    device = os.path.realpath(path)
    found: list[str] = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            if any(os.path.realpath(link) == device for link in (process / "fd").iterdir()):
                found.append(f"{_name_of(process)} (pid {process.name})")
        except OSError:  # it ended while we looked, or is not ours to look at
            continue
    return found


def _name_of(process: Path) -> str:
    """Of 15 bytes at most (proc(5)), and so with a letter that is cut through."""
    return (process / "comm").read_bytes().decode("utf-8", "replace").strip()


def held_by(path: str, others: list[str]) -> InfrastructureError:
    """The error for a line that other programs have open.

    Args:
        path: of the line.
        others: as `holders` names them; empty where nobody could be named.
    """
    who = ", ".join(others) or "this process already, or a program that only root can see"
    return InfrastructureError(
        f"the serial line {path} is held by {who}",
        hint="end that program: two readers of one line each get a part of the bytes",
    )


def _refused(spec: SerialPort, error: Exception) -> InfrastructureError:
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EBUSY):
        return held_by(spec.path, holders(spec.path))
    if number in (errno.EACCES, errno.EPERM):
        return InfrastructureError(
            f"the serial line {spec.path} may not be opened by this user",
            hint=f"join the group that owns it: sudo usermod -aG dialout {os.environ.get('USER', '$USER')}",
        )
    return InfrastructureError(
        f"the serial line {spec.path} cannot be opened at {spec.baud} baud: {error}",
        hint="see that it is a serial line, and that it can do the rig file's baud, parity and stop bits",
    )


def _lines_here() -> str:
    by_id = Path("/dev/serial/by-id")
    names = sorted(str(path) for path in by_id.iterdir()) if by_id.is_dir() else []
    return ", ".join(names) or "this host has none under /dev/serial/by-id"


def _let_hang_up_be_seen(descriptor: int) -> None:
    """Let an empty read mean a hang-up alone; with pyserial's VMIN of 0 it also means "nothing yet"."""
    settings = termios.tcgetattr(descriptor)
    settings[6][termios.VMIN] = 1
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)
