"""A console as it was recorded: the folder of a boot, one recording (`hil.console.recording`), or a plain text log.

A plain log has no times; it is given those of a serial line at 115200 baud. Reads files and understands no words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hil.clock import NANOSECONDS
from hil.console.recording import read_recording
from hil.console.stream import Chunk
from hil.errors import InfrastructureError, UsageError
from hil.replay.server_log import read_server_log

_BASE: Final = "console"
# One start bit, eight data bits, one stop bit.
_BYTES_A_SECOND: Final = 115200 / 10


@dataclass(frozen=True, slots=True)
class Source:
    """What was recorded.

    Args:
        chunks: as the console's reader had them; at least one.
        origin_ns: power-on where that is known, else the first byte, ns of the recording's clock.
        timed: whether the times are the recording's own.
        served: what a DHCP and TFTP server logged meanwhile, in lines; () where no such log is beside it.
    """

    chunks: tuple[Chunk, ...]
    origin_ns: int
    timed: bool
    served: tuple[str, ...] = ()

    def seconds(self, stamp_ns: int) -> float:
        """A moment as seconds from the origin."""
        return (stamp_ns - self.origin_ns) / NANOSECONDS


def read_source(path: Path) -> Source:
    """Read one.

    Args:
        path: a boot's folder, a recording's BASE.log beside its BASE.idx, or a text file.

    Raises:
        UsageError: there is no console there.
        InfrastructureError: a file cannot be read.
    """
    if path.is_dir():
        base = _base_in(path)
        if base.with_suffix(".idx").exists():
            return _recorded(base)
        # Whoever sends a recording may have left the times out.
        return replace(_plain(base.with_suffix(".log")), served=read_server_log(path))
    if path.with_suffix(".idx").is_file():
        return _recorded(path.with_suffix(""))
    return _plain(path)


def _base_in(folder: Path) -> Path:
    if (folder / f"{_BASE}.log").is_file():
        return folder / _BASE
    inside = sorted(log.parent.name for log in folder.glob(f"*/{_BASE}.log"))
    raise UsageError(
        f"{folder} has no {_BASE}.log, so it is no boot's folder",
        hint=f"name one of the boots in it: {', '.join(inside)}" if inside else "name a boot's folder, or a log file",
    )


def _recorded(base: Path) -> Source:
    chunks = tuple(chunk for chunk in read_recording(base) if chunk.data)
    if not chunks and base.with_suffix(".log").stat().st_size:
        raise UsageError(
            f"{base}.idx is damaged: it says of nothing in {base}.log when it came",
            hint="take it away, and the log is read without times",
        )
    if not chunks:
        raise UsageError(f"{base}.log is empty: the console said nothing", hint="name another boot's folder")
    origin = _power_on(base.parent / "timeline.json") or chunks[0].stamp_ns
    return Source(chunks, origin, timed=True, served=read_server_log(base.parent))


def _power_on(timeline: Path) -> int | None:
    """The moment of power-on, of the same clock as a recording's stamps; None where no timeline says it."""
    try:
        document = json.loads(timeline.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    moment = document.get("power_on_ns") if isinstance(document, dict) else None
    return moment if isinstance(moment, int) else None


def _plain(path: Path) -> Source:
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file", hint="name a boot's folder, or a console's log file")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"there is no {path}", hint="name a boot's folder, or a console's log file") from error
    except OSError as error:
        raise InfrastructureError(f"{path} cannot be read: {error.strerror}", hint="see whose file it is") from error
    if not data:
        raise UsageError(f"{path} is empty", hint="name a file that a console was logged to")
    chunks: list[Chunk] = []
    offset = 0
    for line in data.splitlines(keepends=True):
        offset += len(line)
        stamp = round(offset / _BYTES_A_SECOND * NANOSECONDS)
        chunks.append(Chunk(stamp, 1, offset - len(line), line))
    return Source(tuple(chunks), 0, timed=False)
