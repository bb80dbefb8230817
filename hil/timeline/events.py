"""Marks from what is around a machine: QEMU's control channel, the keeper that has its console's line."""

from __future__ import annotations

from dataclasses import dataclass

from hil.timeline.stages import CONSOLE_BACK, CONSOLE_LOST, PAUSE, RESET, RESUME, SHUTDOWN
from hil.timeline.timeline import Mark


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was reported of a machine by another way than its console.

    Args:
        at_ns: when, ns of the one clock.
        error_ns: how far off that may be, ns.
        source: "qmp", "keeper".
        name: the event's name in its source's words ("RESET", "SHUTDOWN").
        detail: the rest of it, one line.
    """

    at_ns: int
    error_ns: int
    source: str
    name: str
    detail: str


# QEMU qapi/run-state.json says when each is sent; those of the keeper are in hil/keeper/console.py.
_STAGES = {
    "RESET": RESET,
    "SHUTDOWN": SHUTDOWN,
    "STOP": PAUSE,
    "RESUME": RESUME,
    "console-lost": CONSOLE_LOST,
    "console-back": CONSOLE_BACK,
}


def marks_of(events: list[Event]) -> list[Mark]:
    """The events that are stages of a boot, as marks; the others say nothing of its course."""
    return [
        Mark(
            _STAGES[event.name].name,
            event.at_ns,
            event.error_ns,
            event.source,
            f"{event.name} {event.detail}",
        )
        for event in events
        if event.name in _STAGES
    ]
