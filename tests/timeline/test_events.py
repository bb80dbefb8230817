"""Control events that are stages of a boot become marks."""

from __future__ import annotations

from hil.timeline.events import Event, marks_of


def test_events_of_a_boots_course_become_marks_and_others_do_not() -> None:
    events = [
        Event(10, 1, "qmp", "RESET", '{"guest": true}'),
        Event(11, 1, "qmp", "NIC_RX_FILTER_CHANGED", "{}"),
        Event(12, 1, "qmp", "STOP", "{}"),
    ]
    marks = marks_of(events)
    assert [(mark.stage, mark.at_ns, mark.source) for mark in marks] == [
        ("reset", 10, "qmp"),
        ("pause", 12, "qmp"),
    ]
    assert marks[0].evidence == 'RESET {"guest": true}'
