"""A capture made of given frames, by what really writes one, cut as it really cuts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hil.netboot.capture.cutting import Cutter
from hil.netboot.capture.files import Files

# Later than any capture begins, which the index says too.
START_NS = 1 << 62
STEP_NS = 1_000_000


def write_capture(folder: Path, frames: Iterable[bytes], *, cut: bool = True) -> None:
    """Write packets.pcapng and packets.idx of frames that were sent 1 ms apart, the first at `START_NS` + 1 ms.

    Args:
        folder: where.
        frames: whole Ethernet frames.
        cut: as `--capture=headers`; else as `full`.
    """
    files = Files(str(folder), 1 << 24, "a test")
    cutter = Cutter()
    for number, frame in enumerate(frames, 1):
        kept = frame[: cutter.kept(frame, 0, len(frame))] if cut else frame
        sent = START_NS + number * STEP_NS
        files.add(kept, len(frame), sent - 1000, sent + 1000, sent)
    files.flush()
    files.close()
