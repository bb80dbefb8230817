"""The boots that a folder has records of, and a summary of them in Markdown for a CI job's page.

Reads what `hil.report.folder` wrote, whoever brought it here; a record that cannot be read is said to be so. What a
machine said is shown as text, never as Markdown or HTML.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.report.folder import PAGE
from hil.report.power import PowerRecord, mixed
from hil.report.reading import number

_DETAILS = 25
_SHOWN = 20_000
_COLUMNS = ("condition", "holds", "expected", "observed", "source")
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Recorded:
    """One boot, as its record has it.

    Args:
        folder: the boot's.
        node: the node's name.
        image: what it booted.
        verdict: "ready", "failed", "broken", "interrupted", "running"; "unreadable" when there is no such record.
        seconds: power-on to ready; None when it was not.
        error: what went wrong, or "".
        evidence: the last lines of that, or ().
        tests: those that ran on it, by their pytest ids.
        simulated: what of its machine was simulated, in words, or "".
        lacking: of the conditions that were asked, those that did not hold, each with what was observed.
        conditions: all of them, each as name, whether it held, expected, observed, source.
        power: its energy; None where it had no meter.
    """

    folder: Path
    node: str
    image: str
    verdict: str
    seconds: float | None
    error: str
    evidence: tuple[str, ...]
    tests: tuple[str, ...]
    simulated: str = ""
    lacking: tuple[str, ...] = ()
    conditions: tuple[tuple[str, ...], ...] = ()
    power: PowerRecord | None = None

    @property
    def ready(self) -> bool:
        """Whether it was what its owner calls ready."""
        return self.verdict == "ready"

    def to_json(self) -> dict[str, object]:
        """It as a program reads it."""
        return {
            "folder": str(self.folder),
            "node": self.node,
            "image": self.image,
            "simulated": self.simulated,
            "verdict": self.verdict,
            "seconds_to_ready": self.seconds,
            "error": self.error,
            "power": None if self.power is None else self.power.to_json(),
            "lacking": list(self.lacking),
            "tests": list(self.tests),
        }


def recorded(artifacts: Path) -> list[Recorded]:
    """The boots below a folder, by their path; none when there is no such folder."""
    return [_read(file) for file in sorted(artifacts.rglob("boot.json"))]


def markdown(artifacts: Path, boots: Sequence[Recorded]) -> str:
    """A heading, a table of the boots, and the timeline of each, those that failed first.

    A job's page holds 1 MiB (GitHub, "Adding a job summary"), so of many boots only some have their timeline here.

    Args:
        artifacts: the folder that was looked into, as the reader names it.
        boots: of `recorded`.
    """
    if not boots:
        return f"### hil: no boot is recorded in {_text(str(artifacts))}\n"
    failed = sum(not boot.ready for boot in boots)
    metered = any(boot.power is not None for boot in boots)
    lines = [
        f"### hil: {len(boots)} boot{'s' if len(boots) != 1 else ''}, {failed or 'none'} not ready",
        "",
        f"| boot | image | verdict | ready after |{' energy |' if metered else ''} what went wrong |",
        f"|---|---|---|---:|{'---:|' if metered else ''}---|",
        *(_row(artifacts, boot, metered=metered) for boot in boots),
    ]
    note = mixed([boot.power for boot in boots])
    lines += ["", _text(note)] if note else []
    for boot in sorted(boots, key=lambda boot: boot.ready)[:_DETAILS]:
        lines += ["", *_details(artifacts, boot)]
    return "\n".join(lines) + "\n"


def _row(artifacts: Path, boot: Recorded, *, metered: bool) -> str:
    after = "" if boot.seconds is None else f"{boot.seconds:.2f} s"
    image = f"{boot.image} ({boot.simulated})" if boot.simulated else boot.image
    energy = ["" if boot.power is None else boot.power.amount()] if metered else []
    cells = (_name(artifacts, boot), image, boot.verdict, after, *energy, boot.error)
    return f"| {' | '.join(_text(cell) for cell in cells)} |"


def _details(artifacts: Path, boot: Recorded) -> list[str]:
    try:
        drawn = (boot.folder / "timeline.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        drawn = "(no timeline)\n"
    page = boot.folder / PAGE
    where = [f"Its page: {_text(str(page.relative_to(artifacts)))}", ""] if page.is_file() else []
    energy = [] if boot.power is None else [f"energy: {boot.power.words()}"]
    shown = "\n".join([drawn.rstrip("\n"), *_table(boot.conditions), *energy, *boot.evidence])[-_SHOWN:]
    opened = "" if boot.ready else " open"
    summary = f"<summary>{_text(_name(artifacts, boot))}: {_text(boot.verdict)}</summary>"
    return [f"<details{opened}>{summary}", "", *where, f"<pre>{html.escape(shown)}</pre>", "</details>"]


def _table(conditions: Sequence[tuple[str, ...]]) -> list[str]:
    """The conditions, a row each, below their headings; nothing where none was asked."""
    if not conditions:
        return []
    rows = [_COLUMNS, *conditions]
    widths = [min(_WIDEST, max(len(row[column]) for row in rows)) for column in range(len(_COLUMNS))]
    return [
        "",
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
    ]


def _name(artifacts: Path, boot: Recorded) -> str:
    return str(boot.folder.relative_to(artifacts))


def _text(words: str) -> str:
    """Words that mean nothing to Markdown or HTML, on one line."""
    escaped = html.escape(" ".join(words.split()))
    return "".join(f"&#{ord(sign)};" if sign in "|`*_[]\\#~" else sign for sign in escaped)


def _read(file: Path) -> Recorded:
    try:
        record = json.loads(file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError) as problem:
        return Recorded(file.parent, "", "", "unreadable", None, str(problem), (), ())
    if not isinstance(record, dict):
        return Recorded(file.parent, "", "", "unreadable", None, "boot.json holds no object", (), ())
    error = record.get("error")
    details: Mapping[str, object] = error if isinstance(error, dict) else {}
    asked = _conditions(record.get("readiness"))
    return Recorded(
        folder=file.parent,
        node=_word(record.get("node")),
        image=_word(record.get("image")),
        verdict=_word(record.get("verdict")) or "unreadable",
        seconds=number(record.get("seconds_to_ready")),
        error=_word(details.get("message")),
        evidence=_words(details.get("evidence")),
        tests=_words(record.get("runs")),
        simulated=_word(record.get("simulated")),
        lacking=tuple(f"{name} is {truth}: {observed}" for name, truth, _, observed, _ in asked if truth != "true"),
        conditions=asked,
        power=PowerRecord.read(record.get("power")),
    )


def _conditions(readiness: object) -> tuple[tuple[str, str, str, str, str], ...]:
    conditions = readiness.get("conditions") if isinstance(readiness, dict) else None
    rows = [row for row in conditions if isinstance(row, dict)] if isinstance(conditions, list) else []
    keys = ("name", "truth", "expected", "observed", "source")
    return tuple(
        (name, truth, expected, observed, source)
        for name, truth, expected, observed, source in (map(_word, map(row.get, keys)) for row in rows)
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
