"""Starts and ends the capture process of one machine, whose side is `child`. Knows no source of packets.

A capture that cannot be had breaks no boot; a note beside the boot's other files says so.
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.netboot.capture.choice import Capture
from hil.netboot.capture.files import NOTE
from hil.redaction.forms import forms, hidden_parts

LIMIT: Final = 64 << 20
"""Bytes of packets.pcapng: a boot has 4 MB with its payloads cut."""

_CHILD: Final = Path(__file__).with_name("child.py")
_STARTS_SECONDS: Final = 5.0
_ENDS_SECONDS: Final = 10.0
# The machine's QEMU, which has 0, is to end before it.
_STOP_ORDER: Final = 1


@dataclass(frozen=True, slots=True)
class Recording:
    """What is to be kept of one incarnation of a machine, and where.

    Args:
        keeper: what owns the process.
        directory: the bench's private folder, for a socket.
        node: the machine's name; a capture of it that went before has ended.
        folder: of the boot, where packets.pcapng and packets.idx are made.
        payloads: "headers" or "full".
        secrets: what must not be kept even of a packet that is.
        limit: bytes of packets.pcapng.
    """

    keeper: Keeper
    directory: Path
    node: str
    folder: Path
    payloads: Capture
    secrets: Iterable[str] = ()
    limit: int = LIMIT


class CaptureProcess:
    """The process of one recording; `begin` starts it.

    Args:
        recording: what it keeps, and where.
    """

    def __init__(self, recording: Recording) -> None:
        self._keeper = recording.keeper
        self._name = f"capture:{recording.node}"
        self._recording = recording
        self._talk: socket.socket | None = None
        self._ended = self._noted = False

    def begin(self, source: Sequence[str], run: Callable[[Sequence[str]], Sequence[str]] = list) -> None:
        """Start the process; `await_ready` waits for it.

        Args:
            source: what `child` is told of where the packets come from.
            run: gives the command that runs the process where the packets are.

        Raises:
            InfrastructureError: the keeper has died.
        """
        recording = self._recording
        meeting = recording.directory / f"{recording.node}-packets.sock"
        key = f"{self._name}:secrets"
        self._keeper.listen(key, meeting)
        folder, limit = str(recording.folder.absolute()), str(recording.limit)
        words = [*source, folder, recording.payloads, limit, f"{{fd:{key}}}"]
        argv = [sys.executable, "-I", "-S", "-E", str(_CHILD), *words]
        self._keeper.spawn(self._name, run(argv), fds=[key], stop_order=_STOP_ORDER)
        self._talk = _tell(meeting, recording.secrets)

    def await_ready(self) -> None:
        """Wait until it takes packets; if it will not, say so in packets.note and let the machine run without it."""
        if self._talk is None:
            return
        with self._talk as talk:
            self._talk = None
            answer = _answer(talk, Deadline.after(_STARTS_SECONDS))
        if answer != "ready":
            self._noted = True
            self._keeper.signal(self._name, signal.SIGKILL)
            self._note(f"the capture did not start: {answer}")

    def end(self) -> None:
        """Have it write what came until now, and wait for that; once is enough. Not for long."""
        if self._ended:
            return
        self._ended = True
        self._keeper.signal(self._name, signal.SIGTERM)
        status = self._keeper.wait_exit(self._name, deadline=Deadline.after(_ENDS_SECONDS))
        if status is None:
            self._keeper.signal(self._name, signal.SIGKILL)
            self._keeper.wait_exit(self._name, deadline=Deadline.after(_ENDS_SECONDS))
        if status != 0 and not self._noted:
            self._note("the capture process did not come to its end: packets are missing")

    def _note(self, text: str) -> None:
        # Where even that cannot be written, the boot's own record cannot either, and says so.
        with suppress(OSError), (self._recording.folder / NOTE).open("a", encoding="utf-8") as note:
            note.write(f"{text}\n")


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
