"""Makes folders of boots as hil leaves them, small, for the tests of the page."""

from __future__ import annotations

import json
from pathlib import Path

from hil.clock import NANOSECONDS, WallAnchor
from hil.console.recording import Recording
from hil.console.stream import Chunk
from hil.report.folder import write_boot
from hil.timeline.timeline import Mark, Timeline

ORIGIN_NS = 5 * NANOSECONDS
COURSE = (
    ("power", 0.0, 0.003, "hil", "qemu switched on"),
    ("firmware", 0.5, 0.005, "console", "UEFI firmware"),
    ("profile", 1.0, 0.005, "matchbox", "profile 'probe'"),
    ("kernel", 2.0, 0.005, "console", "EFI stub: Booting Linux Kernel"),
    ("talos.api", 3.0, 0.06, "api", "true: answers"),
    ("talos.stage", 3.0, 0.06, "api", "true: running"),
    ("ready", 4.0, 0.005, "console", "ready"),
)
SAID = (
    (0.5, b"UEFI firmware\r\n"),
    (2.0, b"EFI stub\r\n[    0.0] Kernel command line: a=1 b\r\n"),
    (4.0, b"ready\r\n"),
)


def made(folder: Path, *, said: tuple[tuple[float, bytes], ...] = SAID, shift: float = 0.0, **facts: object) -> Path:
    """A boot's folder with a record, a timeline and a console.

    Args:
        folder: to be made.
        said: what the console said, each piece with its seconds from power-on.
        shift: seconds that each mark but power-on comes later.
        facts: of boot.json, besides node, boot, image and verdict.
    """
    folder.mkdir(parents=True)
    timeline = Timeline(ORIGIN_NS, WallAnchor(ORIGIN_NS, 1_700_000_000 * NANOSECONDS))
    timeline.add(
        Mark(stage, ORIGIN_NS + _ns(at + shift * (at > 0)), _ns(error), source, evidence)
        for stage, at, error, source, evidence in COURSE
    )
    write_boot(folder, {"node": "node1", "boot": 1, "image": "probe", "verdict": "ready", **facts}, timeline)
    record(folder, said)
    return folder


def record(folder: Path, said: tuple[tuple[float, bytes], ...]) -> None:
    """Record a console in a boot's folder, each piece with its seconds from power-on."""
    offset = 0
    with Recording(folder / "console", title="console", anchor=WallAnchor(ORIGIN_NS, 0)) as recording:
        for at, data in said:
            recording.append(Chunk(ORIGIN_NS + _ns(at), 1, offset, data))
            offset += len(data)


def data_of(page: str) -> dict[str, object]:
    """What the script of a page is given."""
    before, _, rest = page.partition('<script type="application/json" id="data">')
    assert before != page
    found = json.loads(rest.partition("</script>")[0])
    assert isinstance(found, dict)
    return found


def _ns(seconds: float) -> int:
    return round(seconds * NANOSECONDS)
