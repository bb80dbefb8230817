"""The twin of a board is asked: its bench is opened, it is switched on, and what it says is read while it says it.

The bench's own DHCP and TFTP servers run meanwhile, as they do not while a real board is asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hil.bench import open_bench
from hil.clock import Deadline
from hil.config.rig import Rig
from hil.eeprom_check.judging import decided
from hil.errors import HilError, InfrastructureError
from hil.tools.progress import Progress

_LOOK_EVERY: Final = 0.2


def hear_twin(rig: Rig, name: str, artifacts: Path, within: float, progress: Progress) -> bytes:
    """What a board of the twin says from power-on until its bootloader has said enough, or the time is over.

    Args:
        rig: loaded, on the twin.
        name: of the node.
        artifacts: where the bench makes its folder.
        within: s from power-on.
        progress: told of what is fetched and built.

    Raises:
        NodeError: it died before it said enough.
        InfrastructureError: the bench cannot be opened, or failed; or the board does not get on, and why.
    """
    with open_bench(rig, artifacts=artifacts, capture="off", progress=progress) as bench:
        node = bench.nodes[name]
        boot = node.begin()
        limit = Deadline.after(within)
        while True:
            try:
                node.attend(limit.sooner(_LOOK_EVERY))
            except HilError:
                # What it died of may be what is asked about.
                if not decided(said := _said(boot.folder / "console.log"), served=True):
                    raise
                return said
            said = _said(boot.folder / "console.log")
            if limit.expired or decided(said, served=True):
                return said


def _said(log: Path) -> bytes:
    try:
        return log.read_bytes()
    except OSError as error:
        raise InfrastructureError(
            f"the record {log} cannot be read: {error.strerror}", hint="see that nobody removes records of a bench"
        ) from error
