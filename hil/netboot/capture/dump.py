"""The packets of one QEMU out of its pipe: what `pipe` takes in pieces and `frames` takes out of them."""

from __future__ import annotations

from hil.netboot.capture.frames import Frames, NotPcap
from hil.netboot.capture.pipe import Pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hil.netboot.capture.files import Found


class Dump:
    """What QEMU's filter-dump writes into one pipe.

    Args:
        pipe: where the packets come from.
        frames: takes them out of the stream.
    """

    certain = False
    interface = "net0"

    def __init__(self, pipe: Pipe, frames: Frames) -> None:
        self._pipe = pipe
        self._frames = frames
        self._wrong = ""

    @property
    def teller(self) -> int:
        """A byte that is written there ends it."""
        return self._pipe.teller

    @property
    def missing(self) -> str:
        """What is missing, once it has ended; "" where nothing is."""
        dropped = "the disk was too slow: packets were lost, and none after them was kept"
        return self._wrong or (dropped if self._pipe.dropped else "")

    def begin(self) -> None:
        """Empty the pipe from now on."""
        self._pipe.begin()

    def take(self) -> tuple[bytes, list[Found]] | None:
        """Wait for the next packets; as `Ring.take`. What is no such stream is passed over to its end."""
        piece = self._pipe.take()
        if piece is None:
            return None
        raw, looked, arrived = piece
        if self._wrong:
            return b"", []
        try:
            data, found = self._frames.feed(raw)
        except NotPcap as error:
            self._wrong = f"QEMU sent no packets: {error}"
            return b"", []
        return data, [(start, end, length, looked, arrived, virtual) for start, end, length, virtual in found]
