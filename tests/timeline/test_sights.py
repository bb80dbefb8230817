"""What several sources see at one moment is told once; what happens again, or differs, is told again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.clock import NANOSECONDS, WallAnchor
from hil.timeline.draw import table
from hil.timeline.sights import FirstSights
from hil.timeline.timeline import Mark, Timeline

STAGES = ("eeprom", "pxe", "initrd-fetched")
SOURCES = ("console", "dnsmasq", "packets", "matchbox")


def mark(stage: str, source: str, seconds: float) -> Mark:
    return Mark(stage, round(seconds * NANOSECONDS), 5_000_000, source, "seen")


def told(*marks: Mark) -> list[bool]:
    sights = FirstSights()
    return [sights.is_first(one) for one in marks]


def test_the_first_sight_is_told_whichever_source_has_it() -> None:
    assert told(mark("pxe", "console", 4.7), mark("pxe", "dnsmasq", 4.72), mark("pxe", "packets", 4.71)) == [
        True,
        False,
        False,
    ]
    assert told(mark("pxe", "dnsmasq", 4.72), mark("pxe", "console", 4.7)) == [True, False]
    assert told(mark("pxe", "dnsmasq", 4.72), mark("nbp", "console", 4.72)) == [True, True]


def test_a_machine_that_starts_again_is_told_again_even_at_once() -> None:
    twice = [mark("eeprom", "console", 0.3), mark("eeprom", "console", 0.9)]
    assert told(*twice) == [True, True]
    assert told(mark("pxe", "console", 4.7), mark("pxe", "dnsmasq", 4.8), mark("pxe", "console", 70)) == [
        True,
        False,
        True,
    ]
    assert told(
        mark("rom-lease", "dnsmasq", 1.0),
        mark("rom-lease", "console", 1.1),
        mark("rom-lease", "dnsmasq", 1.6),
        mark("rom-lease", "console", 1.7),
    ) == [True, False, True, False]


def test_what_disagrees_by_more_than_a_second_is_told_twice_as_in_the_table() -> None:
    assert told(mark("pxe", "console", 4.7), mark("pxe", "dnsmasq", 6.0)) == [True, True]


def test_two_sources_that_stand_by_themselves_are_both_told() -> None:
    assert told(mark("tailscale.service", "console", 9.0), mark("tailscale.service", "api", 9.1)) == [True, True]


@settings(max_examples=unless_quick(50))
@given(st.lists(st.builds(mark, st.sampled_from(STAGES), st.sampled_from(SOURCES), st.floats(0, 5)), max_size=12))
def test_as_many_are_told_as_any_one_source_has_and_never_more_than_all(marks: list[Mark]) -> None:
    first = [one for one, new in zip(marks, told(*marks), strict=True) if new]
    for stage in STAGES:
        counts = [sum(one.stage == stage and one.source == source for one in marks) for source in SOURCES]
        shown = sum(one.stage == stage for one in first)
        assert max(counts) <= shown <= sum(counts)
    # Nothing is kept from the record, nor from its table.
    timeline = Timeline(0, WallAnchor(0, 0))
    timeline.add(marks)
    assert len(timeline) == len(marks)
    assert {one.stage for one in marks} == {one.stage for one in first}
    assert table(timeline)
