"""A timeline: the marks of one boot on one clock. Holds and orders them; draws nothing (see `draw`)."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hil.clock import NANOSECONDS, WallAnchor
from hil.timeline.stages import STAGES, Stage, awaited_after

SCHEMA = "hil.timeline/1"
DNSMASQ = "dnsmasq"
"""The source of marks that are made of a segment's dnsmasq log."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One moment of a boot.

    Args:
        stage: the stage's name.
        at_ns: when, ns of the one clock.
        error_ns: how far off `at_ns` may be, ns.
        source: who saw it: "console", "matchbox", "dnsmasq", "qmp", "packets", "http".
        evidence: what was seen, one line.
    """

    stage: str
    at_ns: int
    error_ns: int
    source: str
    evidence: str


class Timeline:
    """The marks of one boot, in order of time.

    Args:
        origin_ns: power-on, ns of the one clock; every time that is shown counts from it.
        anchor: one moment on both clocks, for wall time in records.
        stages: those that a boot of this machine has, in order.
    """

    def __init__(self, origin_ns: int, anchor: WallAnchor, stages: Sequence[Stage] = STAGES) -> None:
        self.origin_ns = origin_ns
        self.anchor = anchor
        self.stages = stages
        self._marks: list[Mark] = []

    def add(self, marks: Iterable[Mark]) -> list[Mark]:
        """Take marks in; returns them. A stage may have several: a machine that starts again shows it."""
        added = list(marks)
        for mark in added:
            bisect.insort(self._marks, mark, key=lambda held: held.at_ns)
        return added

    def replace(self, source: str, marks: Iterable[Mark]) -> None:
        """Take in all marks of a source anew: it knows more than before, or when it was more narrowly."""
        self._marks = [mark for mark in self._marks if mark.source != source]
        self.add(marks)

    def __iter__(self) -> Iterator[Mark]:
        return iter(tuple(self._marks))

    def __len__(self) -> int:
        return len(self._marks)

    def first(self, stage: Stage | str) -> Mark | None:
        """The first mark of a stage, or None."""
        name = stage if isinstance(stage, str) else stage.name
        return next((mark for mark in self._marks if mark.stage == name), None)

    def seconds(self, stage: Stage | str) -> float | None:
        """Seconds from power-on to the first mark of a stage; None when it was not reached."""
        mark = self.first(stage)
        return None if mark is None else self.since_power(mark)

    def since_power(self, mark: Mark) -> float:
        """Seconds from power-on to a mark."""
        return (mark.at_ns - self.origin_ns) / NANOSECONDS

    @property
    def awaited(self) -> Stage | None:
        """The stage that has to come next, or None when all are there."""
        return awaited_after({mark.stage for mark in self._marks}, self.stages)

    def to_json(self) -> dict[str, object]:
        """The stable record: seconds from power-on, each with its error bound in seconds."""
        return {
            "schema": SCHEMA,
            "power_on_wall": self.anchor.to_wall(self.origin_ns),
            "power_on_ns": self.origin_ns,
            "marks": [
                {
                    "stage": mark.stage,
                    "seconds": round(self.since_power(mark), 6),
                    "error_seconds": round(mark.error_ns / NANOSECONDS, 6),
                    "source": mark.source,
                    "evidence": mark.evidence,
                }
                for mark in self._marks
            ],
        }
