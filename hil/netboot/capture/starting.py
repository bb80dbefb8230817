"""The capture of one QEMU: its pipe, and what QEMU's command line needs for it. The process itself is `process`.

QEMU writes into a FIFO (`-object filter-dump`) and must never wait for it: neither to open it, which waits for a
reader (fifo(7)), so until QEMU is seen to run this holds it open for reading too; nor when its reader dies, for then
the write fails and QEMU ends its dump (QEMU net/dump.c).
"""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import Final

from hil.clock import now_ns
from hil.errors import InfrastructureError
from hil.netboot.capture.process import CaptureProcess, Recording

FILTER: Final = "capture0"

_LARGEST_FRAME: Final = 1 << 16


class GuestCapture:
    """The capture of one incarnation of a guest; `begin` starts it.

    Args:
        recording: what is kept, and where.
        fifo: the pipe.
    """

    def __init__(self, recording: Recording, fifo: Path) -> None:
        self._process = CaptureProcess(recording)
        self._fifo = fifo
        self._guard = FileIO(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))

    @classmethod
    def begin(cls, recording: Recording) -> GuestCapture:
        """Make the pipe, in the bench's private folder, and start the process; `await_ready` waits for it.

        Args:
            recording: what is kept, and where.

        Raises:
            InfrastructureError: the pipe cannot be made, or the keeper has died.
        """
        fifo = recording.directory / f"{recording.node}-packets"
        _make_pipe(fifo)
        capture = cls(recording, fifo)
        try:
            capture._process.begin(["pipe", str(fifo), str(now_ns())])
        except InfrastructureError:
            capture.qemu_runs()
            raise
        return capture

    @property
    def qemu_arguments(self) -> list[str]:
        """What QEMU is given besides; its network device is "net0"."""
        path = str(self._fifo).replace(",", ",,")
        return ["-object", f"filter-dump,id={FILTER},netdev=net0,file={path},maxlen={_LARGEST_FRAME}"]

    def await_ready(self) -> None:
        """Wait until it reads; if it will not, say so in packets.note and let QEMU run without it."""
        self._process.await_ready()

    def qemu_runs(self) -> None:
        """QEMU has opened the pipe, or is gone: from now on it depends on the process alone. Any thread may say so."""
        self._guard.close()

    def end(self) -> None:
        """QEMU is gone: wait until its last packets are written. Once is enough; not for long."""
        # All that QEMU wrote is in the pipe by now; if it never opened that, no end of file will come from it.
        self._guard.close()
        self._process.end()


def _make_pipe(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
    except OSError as error:
        raise InfrastructureError(
            f"a pipe at {path} cannot be made: {error.strerror}",
            hint="see that its folder exists, or use --capture=off",
        ) from error
