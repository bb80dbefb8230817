"""A board's packets, written down from one power-on to the next. Knows no format of them."""

from __future__ import annotations

from pathlib import Path

from hil.machines.place import Place
from hil.netboot.capture import wire
from hil.netboot.capture.process import CaptureProcess, Recording


class BoardPackets:
    """What the bench's end of the segment sees of a board.

    Args:
        place: what the bench gave, with a cable that is watched.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._process: CaptureProcess | None = None

    def begin(self, folder: Path) -> None:
        """Capture into this folder from now on; `await_ready` waits until it does."""
        self.close()
        place, cable = self._place, self._place.cable
        recording = Recording(place.keeper, place.directory, place.node, folder, place.capture, tuple(place.secrets()))
        self._process = wire.begin(recording, cable.watch, place.identity.mac, cable.run)

    def await_ready(self) -> None:
        """Wait until it captures, or will not, which a note in the folder says; not for long."""
        if self._process is not None:
            self._process.await_ready()

    def close(self) -> None:
        """Capture no more; what came until now is written."""
        if self._process is not None:
            self._process.end()
            self._process = None
