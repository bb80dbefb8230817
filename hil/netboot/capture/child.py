"""The capture process of one QEMU: reads packets from its pipe, cuts them and writes them down until QEMU has gone.

Run by path, without site and environment: FIFO, when that was certainly empty (ns of the one clock), FOLDER, "headers"
or "full", the limit of what is kept in bytes, and the number of an inherited listening socket. By that socket come the
secrets that must not be kept, each after its length in four bytes, up to an end of file; the answer is "ready", or
what is wrong. SIGTERM ends it with what the pipe holds.
"""

from __future__ import annotations

import sys
from signal import SIG_IGN, SIGTERM, set_wakeup_fd, signal
from socket import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hil.netboot.capture.cutting import Cutter
    from hil.netboot.capture.files import Files
    from hil.netboot.capture.frames import Frames
    from hil.netboot.capture.hiding import Hiding
    from hil.netboot.capture.pipe import Piece, Pipe

_SECRETS_SECONDS = 10.0
_COMMENTS = {
    "headers": "captured by hil: payloads are cut, but for what boots a machine in the open",
    "full": "captured by hil: whole, but for secrets that hil knows",
}
_ROOT = 4
"""How many folders above this file the package is."""


class Capture:
    """What one capture needs.

    Args:
        pipe: where the packets come from.
        files: where they go.
        hiding: what must not go there.
        cutter: how much of each is kept, and between whom it goes.
        frames: takes the packets out of the stream.
        whole: all of each is kept, whatever the cutter says.
    """

    def __init__(
        self, pipe: Pipe, files: Files, hiding: Hiding, cutter: Cutter, frames: Frames, *, whole: bool
    ) -> None:
        self._pipe = pipe
        self._files = files
        self._hiding = hiding
        self._cutter = cutter
        self._frames = frames
        self._whole = whole

    def run(self) -> None:
        """Write down what comes, to its end; when it cannot go on, say so and let the rest go by."""
        missing = ""
        while (piece := self._pipe.take()) is not None:
            missing = missing or self._write(piece)
        if self._pipe.dropped:
            missing = missing or "the disk was too slow: packets were lost, and none after them was kept"
        if missing:
            self._files.note(missing)

    def _write(self, piece: Piece) -> str:
        """Write the packets of one piece; what is wrong, or ""."""
        from hil.netboot.capture.frames import NotPcap

        raw, looked, arrived = piece
        cutter, hiding, add = self._cutter, self._hiding, self._files.add
        try:
            data, found = self._frames.feed(raw)
            for start, end, length, virtual in found:
                kept = cutter.kept(data, start, end)
                bytes_kept = data[start:end] if self._whole else data[start : start + kept]
                if len(bytes_kept) > cutter.payload:
                    if cutter.flow and not self._whole:
                        bytes_kept = hiding.hide_credentials(bytes_kept, cutter.payload, cutter.flow)
                    bytes_kept = hiding.hide(bytes_kept, cutter.payload, cutter.flow)
                if not add(bytes_kept, length, looked, arrived, virtual):
                    return "the limit was reached: no packet after it was kept"
        except NotPcap as error:
            return f"QEMU sent no packets: {error}"
        finally:
            wrong = self._flush()
        return wrong

    def _flush(self) -> str:
        try:
            self._files.flush()
        except OSError as error:
            return f"it cannot be written: {error.strerror}"
        return ""


def main(words: list[str]) -> None:
    """Capture as the words say, until QEMU has gone."""
    *where, folder, payloads, limit, descriptor = words
    from hil.netboot.capture.files import Files

    with socket(fileno=int(descriptor)) as listener:
        listener.settimeout(_SECRETS_SECONDS)
        client, _ = listener.accept()
    with client:
        try:
            secrets = _secrets(client)
            capture = _opened(where, Files(folder, int(limit), _COMMENTS[payloads]), payloads, secrets)
        except OSError as error:
            client.sendall(f"{error.filename}: {error.strerror}".encode())
            raise
        client.sendall(b"ready")
    capture.run()
    # Python gives a signal its default meaning back before it ends, and then this end would look like a kill.
    signal(SIGTERM, SIG_IGN)


def _opened(where: list[str], files: Files, payloads: str, secrets: list[bytes]) -> Capture:
    from hil.netboot.capture.cutting import Cutter
    from hil.netboot.capture.frames import Frames
    from hil.netboot.capture.hiding import Hiding
    from hil.netboot.capture.pipe import Pipe

    fifo, since = where
    pipe = Pipe(fifo, int(since))
    # Not by what Python does at a signal, which may come only when the next packet does.
    set_wakeup_fd(pipe.teller)
    signal(SIGTERM, lambda *_: None)
    pipe.begin()
    return Capture(pipe, files, Hiding(secrets), Cutter(), Frames(), whole=payloads == "full")


def _secrets(client: socket) -> list[bytes]:
    client.settimeout(_SECRETS_SECONDS)
    data = b""
    while piece := client.recv(1 << 16):
        data += piece
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        found.append(data[4:end])
        data = data[end:]
    return found


if __name__ == "__main__":
    sys.path.insert(0, __file__.rsplit("/", _ROOT)[0])
    main(sys.argv[1:])
