"""What hil's parsers say of a recording: marks, deaths, what a bootloader said of itself, what a server was asked.

The same parsers as a boot's, fed with the same pieces in the same order, at full speed. Compares with what was said
before of the same recording: so a recording of a real board is a regression test.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hil.console.deaths import DEFAULT_DEATHS
from hil.console.deathwatch import Casualty, DeathWatch
from hil.console.transcript import Transcript
from hil.errors import UsageError
from hil.netboot.rpi.banner import Banner, read_banner
from hil.replay.source import Source
from hil.timeline.console_marks import ConsoleMarks
from hil.timeline.rpi_marks import RpiConsole
from hil.timeline.timeline import Mark

SCHEMA: Final = "hil.replay/1"
_FACTS: Final = ("version", "built", "serial", "revision", "order", "mac", "link", "lease", "failed")


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in a recording.

    Args:
        source: the recording.
        marks: by their time.
        deaths: at most one for each incarnation of the machine.
        banner: what a Raspberry Pi's bootloader said.
    """

    source: Source
    marks: tuple[Mark, ...]
    deaths: tuple[Casualty, ...]
    banner: Banner

    def document(self) -> dict[str, object]:
        """The stable record; seconds from power-on, null where the recording has no times of its own."""
        return {
            "schema": SCHEMA,
            "marks": [
                {
                    "stage": mark.stage,
                    "seconds": round(self.source.seconds(mark.at_ns), 6) if self.source.timed else None,
                    "evidence": mark.evidence,
                }
                for mark in self.marks
            ],
            "deaths": [
                {"name": death.death.name, "explanation": death.explanation, "line": death.line}
                for death in self.deaths
            ],
            "bootloader": self._bootloader(),
            "server": list(self.source.served),
        }

    def _bootloader(self) -> dict[str, object] | None:
        if self.banner.version is None:
            return None
        facts = {name: getattr(self.banner, name) for name in _FACTS}
        said = {name: fact.value for name, fact in facts.items() if fact is not None}
        return {**said, "modes": [f"{mode.name} ({mode.digit:02x})" for mode in self.banner.modes]}


def replayed(source: Source) -> Findings:
    """Let all parsers hear a recording.

    Args:
        source: what was recorded.
    """
    transcript = Transcript()
    before = source.chunks[0].incarnation - 1
    followers = (ConsoleMarks(transcript, after=before), RpiConsole(transcript, after=before))
    watch = DeathWatch(DEFAULT_DEATHS, transcript, 0)
    marks: list[Mark] = []
    deaths: dict[int, Casualty] = {}
    for chunk in source.chunks:
        transcript.append(chunk)
        for follower in followers:
            marks += follower.take()
        if (death := watch.look()) is not None:
            deaths.setdefault(death.incarnation, death)
    marks.sort(key=lambda mark: mark.at_ns)
    said = b"".join(chunk.data for chunk in source.chunks)
    return Findings(source, tuple(marks), tuple(deaths.values()), read_banner(said))


def stored(text: str, name: str) -> dict[str, object]:
    """What was found before, from its file.

    Args:
        text: of the file.
        name: of the file, for the message.

    Raises:
        UsageError: it is none that hil wrote.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError(
            f"{name} is no stored result of a replay", hint="write one: hil sim replay RECORD --write FILE"
        )
    return document


def as_text(document: Mapping[str, object]) -> str:
    """A result as its file has it."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """The lines in which two results differ, as a unified diff; none where they are the same."""
    old, new = (as_text(document).splitlines() for document in (before, now))
    return list(difflib.unified_diff(old, new, "stored", "found", lineterm="", n=2))
