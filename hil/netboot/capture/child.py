"""The capture process of one machine: takes its packets, cuts them and writes them down until it is told to end.

Run by path, without site and environment. First where the packets come from: "pipe", QEMU's FIFO, and when that was
certainly empty (ns of the one clock); or "wire", an interface, and the machine's MAC address. Then FOLDER, "headers"
or "full", the limit of what is kept in bytes, and the number of an inherited listening socket. By that socket come the
secrets that must not be kept, each after its length in four bytes, up to an end of file; the answer is "ready", or
what is wrong. SIGTERM ends it with what is there; a pipe's end does too.
"""

from __future__ import annotations

import sys
from signal import SIG_IGN, SIGTERM, set_wakeup_fd, signal
from socket import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hil.netboot.capture.cutting import Cutter
    from hil.netboot.capture.dump import Dump
    from hil.netboot.capture.files import Files, Found
    from hil.netboot.capture.hiding import Hiding
    from hil.netboot.capture.ring import Ring

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
        source: where the packets come from.
        files: where they go.
        hiding: what must not go there.
        cutter: how much of each is kept, and between whom it goes.
        whole: all of each is kept, whatever the cutter says.
    """

    def __init__(self, source: Dump | Ring, files: Files, hiding: Hiding, cutter: Cutter, *, whole: bool) -> None:
        self._source = source
        self._files = files
        self._hiding = hiding
        self._cutter = cutter
        self._whole = whole

    def run(self) -> None:
        """Write down what comes, to its end; when it cannot go on, say so and let the rest go by."""
        missing = ""
        while (taken := self._source.take()) is not None:
            missing = missing or self._write(*taken)
        missing = missing or self._source.missing
        if missing:
            self._files.note(missing)

    def _write(self, data: bytes, found: list[Found]) -> str:
        """Write the packets of one piece; what is wrong, or ""."""
        cutter, hiding, add = self._cutter, self._hiding, self._files.add
        for start, end, length, looked, arrived, virtual in found:
            kept = cutter.kept(data, start, end)
            bytes_kept = data[start:end] if self._whole else data[start : start + kept]
            if len(bytes_kept) > cutter.payload:
                if cutter.flow and not self._whole:
                    bytes_kept = hiding.hide_credentials(bytes_kept, cutter.payload, cutter.flow)
                bytes_kept = hiding.hide(bytes_kept, cutter.payload, cutter.flow)
            if not add(bytes_kept, length, looked, arrived, virtual):
                return self._flush() or "the limit was reached: no packet after it was kept"
        return self._flush()

    def _flush(self) -> str:
        try:
            self._files.flush()
        except OSError as error:
            return f"it cannot be written: {error.strerror}"
        return ""


def main(words: list[str]) -> None:
    """Capture as the words say, until the end."""
    *where, folder, payloads, limit, descriptor = words
    with socket(fileno=int(descriptor)) as listener:
        listener.settimeout(_SECRETS_SECONDS)
        client, _ = listener.accept()
    with client:
        try:
            secrets = _secrets(client)
            source = _source(*where)
            files = _files(source, folder, int(limit), payloads)
            capture = _opened(source, files, payloads, secrets)
        except OSError as error:
            client.sendall(f"{error.filename}: {error.strerror}".encode())
            raise
        client.sendall(b"ready")
    capture.run()
    # Python gives a signal its default meaning back before it ends, and then this end would look like a kill.
    signal(SIGTERM, SIG_IGN)


def _source(kind: str, where: str, what: str) -> Dump | Ring:
    from hil.netboot.capture.ring import Ring

    if kind == "wire":
        return Ring(where, what)
    from hil.netboot.capture.dump import Dump
    from hil.netboot.capture.frames import Frames
    from hil.netboot.capture.pipe import Pipe

    return Dump(Pipe(where, int(what)), Frames())


def _files(source: Dump | Ring, folder: str, limit: int, payloads: str) -> Files:
    from hil.netboot.capture.files import Files

    return Files(folder, limit, _COMMENTS[payloads], interface=source.interface, certain=source.certain)


def _opened(source: Dump | Ring, files: Files, payloads: str, secrets: list[bytes]) -> Capture:
    from hil.netboot.capture.cutting import Cutter
    from hil.netboot.capture.hiding import Hiding

    # Not by what Python does at a signal, which may come only when the next packet does.
    set_wakeup_fd(source.teller)
    signal(SIGTERM, lambda *_: None)
    source.begin()
    return Capture(source, files, Hiding(secrets), Cutter(), whole=payloads == "full")


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
