"""A boot's folder as what a page shows of it. Missing, cut and older records give less, and it is said what lacks."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from hil.report.page.console import Said, read_console
from hil.report.page.verdict import judged
from hil.report.page.watts import watts_of
from hil.report.page.wire import wire_of
from hil.report.reading import Record, inner, load, number, objects, text, texts

_FILES = (
    "console.log",
    "console.cast",
    "timeline.txt",
    "timeline.json",
    "boot.json",
    "packets.pcapng",
    "packets.json",
    "power.csv",
    "qemu.log",
)
_CONDITION = ("name", "truth", "expected", "observed", "source")
_ASSET = ("name", "sha256", "origin")
_IDENTITY = ("rig", "machine", "segment", "mac", "uuid", "serial", "accelerator", "accelerator_why")
_ELSEWHERE = frozenset(
    {
        *("schema", "node", "boot", "image", "verdict", "seconds_to_ready", "error", "readiness", "packets", "power"),
        *("simulated", "assets", "runs", *_IDENTITY),
    }
)
# A stamp is a signed number of 64 bits, in console.idx too.
_LATEST_NS = 2**63 - 1
# Linux prints it once, early (init/main.c, start_kernel).
_COMMAND_LINE = re.compile(r"\bKernel command line: (.*)")


def gathered(folder: Path, page: Path) -> dict[str, object]:
    """All that a page shows of a boot.

    Args:
        folder: the boot's.
        page: the folder of the page, from which links to the boot's files lead.
    """
    boot, no_boot = load(folder / "boot.json")
    timeline, no_timeline = load(folder / "timeline.json")
    marks = _marks(timeline)
    origin_ns = _nanoseconds(timeline.get("power_on_ns"))
    console = read_console(folder / "console", origin_ns)
    readiness = inner(boot.get("readiness"))
    node = text(boot.get("node"))
    return {
        "name": f"{node}, boot {text(boot.get('boot')) or '?'}" if node else folder.name,
        **judged(boot),
        "image": text(boot.get("image")),
        "simulated": text(boot.get("simulated")) or text(readiness.get("simulated")),
        "power_on": _moment(timeline.get("power_on_wall")),
        "facts": [[key.replace("_", " "), text(boot.get(key))] for key in _IDENTITY if text(boot.get(key))],
        "programs": [[key.replace("_", " "), _said(value)] for key, value in boot.items() if _is_other(key, value)],
        "assets": [{key: text(asset.get(key)) for key in _ASSET} for asset in objects(boot.get("assets"))],
        "arguments": _arguments(console),
        "conditions": [_condition(row) for row in objects(readiness.get("conditions"))],
        "marks": marks,
        "pauses": _pauses(marks),
        "resets": [mark["seconds"] for mark in marks if mark["stage"] == "reset"],
        "console": console.to_json(),
        "wire": wire_of(folder, boot),
        "power": watts_of(folder, boot, origin_ns),
        "runs": texts(boot.get("runs")),
        "missing": [why for why in (no_boot, no_timeline) if why],
        "folder": str(folder),
        "label": "/".join(folder.absolute().parts[-2:]),
        "files": [[name, _link(folder / name, page)] for name in _FILES if (folder / name).is_file()],
    }


def _marks(timeline: Record) -> list[dict[str, object]]:
    found = []
    for mark in objects(timeline.get("marks")):
        seconds, error = number(mark.get("seconds")), number(mark.get("error_seconds"))
        if seconds is not None and text(mark.get("stage")):
            found.append(
                {
                    "stage": text(mark.get("stage")),
                    "seconds": seconds,
                    "error": max(0.0, error or 0.0),
                    "source": text(mark.get("source")) or "?",
                    "evidence": text(mark.get("evidence")),
                }
            )
    return sorted(found, key=lambda mark: number(mark["seconds"]) or 0.0)


def _pauses(marks: list[dict[str, object]]) -> list[list[object]]:
    """From where to where the machine stood still, in seconds; None for an end that never came."""
    pauses: list[list[object]] = []
    for mark in marks:
        standing = bool(pauses) and pauses[-1][1] is None
        if mark["stage"] == "pause" and not standing:
            pauses.append([mark["seconds"], None])
        elif mark["stage"] == "resume" and standing:
            pauses[-1][1] = mark["seconds"]
    return pauses


def _condition(row: Record) -> dict[str, object]:
    return {**{key: text(row.get(key)) for key in _CONDITION}, "seconds": number(row.get("seconds"))}


def _arguments(console: Said) -> dict[str, object] | None:
    """What the kernel said that it was given, and when; None where it did not say."""
    for seconds, words in console.rows:
        found = _COMMAND_LINE.search(words)
        if found is not None:
            return {"seconds": seconds, "words": found[1]}
    return None


def _is_other(key: str, value: object) -> bool:
    """Whether a fact has no place of its own in a page."""
    return key not in _ELSEWHERE and _said(value) != ""


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text(value) or ", ".join(texts(value))


def _nanoseconds(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LATEST_NS else None


def _moment(value: object) -> str:
    """A wall time for a person, in UTC."""
    seconds = number(value)
    if seconds is None:
        return ""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return ""


def _link(file: Path, page: Path) -> str:
    """Where a file is, as seen from the page: a path that is never an absolute URL."""
    return "./" + quote(os.fsencode(os.path.relpath(file, page)))
