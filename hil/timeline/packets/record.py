"""What a boot's captured packets add to its record: marks in its timeline, and the document packets.json.

A boot without packets, or with broken ones, is a boot all the same: why they say nothing is a line of its record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.errors import InfrastructureError
from hil.timeline.packets.names import INDEX, NOTE, SOURCE
from hil.timeline.timeline import Timeline

NOT_READ = "not read yet"


@dataclass(frozen=True, slots=True)
class Read:
    """What one reading gave.

    Args:
        document: of packets.json; None where there is nothing to write.
        note: what is missing, or why there is nothing; "" where all is there.
        size: of the index at that time, bytes.
    """

    document: Mapping[str, object] | None
    note: str
    size: int

    def to_json(self) -> dict[str, object]:
        """It in the boot's record."""
        return {"read": self.document is not None, "note": self.note}


NOTHING = Read(None, NOT_READ, -1)


def read_into(timeline: Timeline, folder: Path, before: Read, mac: str) -> Read:
    """Put the marks of the packets so far into the timeline, instead of those of an earlier reading.

    Packets that came later may narrow when an earlier one was sent, so all is read anew, unless nothing came.

    Args:
        timeline: the boot's.
        folder: the boot's.
        before: what the last reading gave; `NOTHING` for the first.
        mac: of the machine, as in `marks_of`.
    """
    size = _size(folder / INDEX) + _size(folder / NOTE)
    if size == before.size:
        return before
    # What reads packets is loaded by whoever has some: it would cost each start of hil 20 ms.
    from hil.timeline.packets.conversations import read_packets
    from hil.timeline.packets.marks import marks_of

    try:
        found = read_packets(folder)
    except InfrastructureError as error:
        return Read(None, error.message, size)
    if found is None:
        return Read(None, "no packets were captured", size)
    timeline.replace(SOURCE, marks_of(found, mac))
    return Read(found.to_json(timeline.origin_ns), found.captured.note, size)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
