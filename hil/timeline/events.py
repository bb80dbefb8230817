"""Marks from a machine's own control channel: QMP events today, a relay's or an API's later."""

from __future__ import annotations

from dataclasses import dataclass

from hil.timeline.stages import PAUSE, RESET, RESUME, SHUTDOWN
from hil.timeline.timeline import Mark


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a machine's control channel reported.

    Args:
        at_ns: when, ns of the one clock.
        error_ns: how far off that may be, ns.
        source: "qmp", ...
        name: the event's name in its source's words ("RESET", "SHUTDOWN").
        detail: the rest of it, one line.
    """

    at_ns: int
    error_ns: int
    source: str
    name: str
    detail: str


# QEMU qapi/run-state.json says when each is sent.
_STAGES = {"RESET": RESET, "SHUTDOWN": SHUTDOWN, "STOP": PAUSE, "RESUME": RESUME}


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
