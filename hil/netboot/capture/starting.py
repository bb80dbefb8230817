"""Starts and ends the capture process of one QEMU, and says what QEMU's command line needs for it.

QEMU writes into a FIFO (`-object filter-dump`) and must never wait for it: neither to open it, which waits for a
reader (fifo(7)), so until QEMU is seen to run this holds it open for reading too; nor when its reader dies, for then
the write fails and QEMU ends its dump (QEMU net/dump.c). A capture that cannot be had breaks no boot; a note says so.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final

from hil.clock import Deadline, now_ns
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.netboot.capture.choice import Capture
from hil.netboot.capture.files import NOTE
from hil.redaction.forms import forms, hidden_parts

LIMIT: Final = 64 << 20
"""Bytes of packets.pcapng: a boot has 4 MB with its payloads cut."""
FILTER: Final = "capture0"

_CHILD: Final = Path(__file__).with_name("child.py")
_STARTS_SECONDS: Final = 5.0
_ENDS_SECONDS: Final = 2.0
# Its QEMU, which has 0, is to end before it.
_STOP_ORDER: Final = 1
_LARGEST_FRAME: Final = 1 << 16


class CaptureProcess:
    """The capture of one incarnation of a machine; `begin` starts it.

    Args:
        keeper: what owns the process.
        node: the machine's name.
        fifo: the pipe.
        folder: where its files are.
    """

    def __init__(self, keeper: Keeper, node: str, fifo: Path, folder: Path) -> None:
        self._keeper = keeper
        self._name = f"capture:{node}"
        self._fifo = fifo
        self._folder = folder
        self._guard = FileIO(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        self._talk: socket.socket | None = None
        self._ended = self._noted = False

    @classmethod
    def begin(
        cls,
        keeper: Keeper,
        directory: Path,
        node: str,
        folder: Path,
        payloads: Capture,
        secrets: Iterable[str] = (),
        *,
        limit: int = LIMIT,
    ) -> CaptureProcess:
        """Start the process; `await_ready` waits for it.

        Args:
            keeper: what owns it.
            directory: the bench's private folder, for the pipe and a socket.
            node: the machine's name; a capture of it that went before has ended.
            folder: of the boot, where packets.pcapng and packets.idx are made.
            payloads: "headers" or "full".
            secrets: what must not be kept even of a packet that is.
            limit: bytes of packets.pcapng.

        Raises:
            InfrastructureError: the pipe cannot be made, or the keeper has died.
        """
        fifo, meeting = directory / f"{node}-packets", directory / f"{node}-packets.sock"
        _make_pipe(fifo)
        capture = cls(keeper, node, fifo, folder)
        key = f"{capture._name}:secrets"
        keeper.listen(key, meeting)
        words = [str(fifo), str(now_ns()), str(folder.absolute()), payloads, str(limit), f"{{fd:{key}}}"]
        argv = [sys.executable, "-I", "-S", "-E", str(_CHILD), *words]
        try:
            keeper.spawn(capture._name, argv, fds=[key], stop_order=_STOP_ORDER)
        except InfrastructureError:
            capture.qemu_runs()
            raise
        capture._talk = _tell(meeting, secrets)
        return capture

    @property
    def qemu_arguments(self) -> list[str]:
        """What QEMU is given besides; its network device is "net0"."""
        path = str(self._fifo).replace(",", ",,")
        return ["-object", f"filter-dump,id={FILTER},netdev=net0,file={path},maxlen={_LARGEST_FRAME}"]

    def await_ready(self) -> None:
        """Wait until it reads; if it will not, say so in packets.note and let QEMU run without it."""
        if self._talk is None:
            return
        with self._talk as talk:
            self._talk = None
            answer = _answer(talk, Deadline.after(_STARTS_SECONDS))
        if answer != "ready":
            self._noted = True
            self._keeper.signal(self._name, signal.SIGKILL)
            self._note(f"the capture did not start: {answer}")

    def qemu_runs(self) -> None:
        """QEMU has opened the pipe, or is gone: from now on it depends on the process alone. Any thread may say so."""
        self._guard.close()

    def end(self) -> None:
        """QEMU is gone: wait until its last packets are written. Once is enough; not for long."""
        if self._ended:
            return
        self._ended = True
        self._guard.close()
        # All that QEMU wrote is in the pipe by now; if it never opened that, no end of file will come from it.
        self._keeper.signal(self._name, signal.SIGTERM)
        status = self._keeper.wait_exit(self._name, deadline=Deadline.after(_ENDS_SECONDS))
        if status is None:
            self._keeper.signal(self._name, signal.SIGKILL)
            self._keeper.wait_exit(self._name, deadline=Deadline.after(_ENDS_SECONDS))
        if status != 0 and not self._noted:
            self._note("the capture process did not come to its end: packets are missing")

    def _note(self, text: str) -> None:
        # Where even that cannot be written, the boot's own record cannot either, and says so.
        with suppress(OSError), (self._folder / NOTE).open("a", encoding="utf-8") as note:
            note.write(f"{text}\n")


def _make_pipe(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
    except OSError as error:
        raise InfrastructureError(
            f"a pipe at {path} cannot be made: {error.strerror}",
            hint="see that its folder exists, or use --capture=off",
        ) from error


def _tell(meeting: Path, secrets: Iterable[str]) -> socket.socket:
    """Hand over the secrets; its answer comes back on the same socket."""
    talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    talk.settimeout(_STARTS_SECONDS)
    # That it has died already, its answer will say.
    with suppress(OSError):
        talk.connect(str(meeting))
        talk.sendall(b"".join(len(form).to_bytes(4, "big") + form for form in _forms(secrets)))
        talk.shutdown(socket.SHUT_WR)
    return talk


def _forms(secrets: Iterable[str]) -> list[bytes]:
    """Each secret in all forms in which it may be sent."""
    return sorted({form for secret in secrets for part in hidden_parts(secret) for form in forms(part)})


def _answer(talk: socket.socket, deadline: Deadline) -> str:
    said = b""
    try:
        while True:
            talk.settimeout(deadline.remaining() or 0.001)
            piece = talk.recv(4096)
            if not piece:
                return said.decode(errors="replace") or "it died"
            said += piece
    except TimeoutError:
        return f"no answer within {deadline}"
    except OSError as error:
        return f"it died ({error.strerror})"
