"""What a board hears of its console's line, whatever the keeper's stream of events has and however it is cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.console.stream import Chunk, FeedClosed
from hil.keeper.client import Keeper
from hil.keeper.console import BACK, LOST
from hil.machines.board.line_events import LineEvents
from hil.timeline.events import Event

QUICK = settings(max_examples=unless_quick(60), deadline=None)
OURS = "console:node1"


class Told:
    """A keeper, and the one feed of it, that says these pieces, a read each, and then ends."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = list(pieces)
        self.closed = False

    def attach(self, stream: str, *, start: int | None) -> Told:
        assert (stream, start) == ("keeper", None)
        return self

    def read(self) -> list[Chunk]:
        if not self._pieces:
            raise FeedClosed("the keeper has ended")
        return [Chunk(0, 1, 0, self._pieces.pop(0))]

    def close(self) -> None:
        self.closed = True


def heard(*pieces: bytes) -> list[Event]:
    told = LineEvents(cast("Keeper", Told(pieces)), OURS)
    return [event for _ in range(len(pieces) + 1) for event in told.take()]


def line(event: str, name: str, at_ns: int, why: str) -> bytes:
    return json.dumps({"event": event, "name": name, "at_ns": at_ns, "why": why}).encode() + b"\n"


@QUICK
@given(
    st.lists(st.tuples(st.sampled_from([LOST, BACK]), st.integers(0, 2**63), st.text(max_size=9)), max_size=5),
    st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")), max_size=5),
    st.lists(st.integers(0, 600), max_size=6),
)
def test_each_event_is_heard_once_among_anything_cut_anywhere(
    said: list[tuple[str, int, str]], others: list[bytes], cuts: list[int]
) -> None:
    lines = [line(name, OURS, at_ns, why) for name, at_ns, why in said]
    for number, other in enumerate(others):
        lines.insert(2 * number, other + b"\n")
    stream = b"".join(lines)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    events = heard(*(stream[start:end] for start, end in pairwise(places)))
    assert [(event.name, event.at_ns, event.detail) for event in events] == said
    assert all(event.source == "keeper" for event in events)


@QUICK
@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda each: st.lists(each, max_size=3)))
def test_a_field_of_another_type_is_no_event(wrong: object) -> None:
    good = {"event": LOST, "name": OURS, "at_ns": 5, "why": "hung up"}
    for field, right in good.items():
        if type(wrong) is not type(right):
            assert heard(json.dumps({**good, field: wrong}).encode() + b"\n") == []


@pytest.mark.parametrize(
    "other",
    [line(LOST, "console:node2", 1, "hung up"), line("exit", OURS, 1, ""), b"[" * 100_000 + b"\n", b"1\n", b"\n"],
)
def test_what_is_said_of_something_else_is_no_event(other: bytes) -> None:
    assert [event.at_ns for event in heard(other + line(BACK, OURS, 7, "usb"))] == [7]


def test_the_feed_is_closed_with_it() -> None:
    keeper = Told([])
    LineEvents(cast("Keeper", keeper), OURS).close()
    assert keeper.closed
