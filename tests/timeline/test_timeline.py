"""A timeline holds marks in order and says what comes next; drawing shows each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hil.clock import NANOSECONDS, WallAnchor
from hil.timeline.draw import bar, line, table
from hil.timeline.stages import RPI3_STAGES, STAGES, Stage, stages_of
from hil.timeline.timeline import Mark, Timeline


def mark(stage: str, seconds: float, evidence: str = "seen") -> Mark:
    return Mark(stage, round(seconds * NANOSECONDS), 5_000_000, "console", evidence)


def timeline(*marks: Mark, stages: Sequence[Stage] = STAGES) -> Timeline:
    made = Timeline(0, WallAnchor(0, 1_700_000_000 * NANOSECONDS), stages)
    made.add(marks)
    return made


def test_marks_stand_in_order_of_time_however_they_come() -> None:
    made = timeline(mark("ipxe", 5), mark("power", 0), mark("firmware", 1))
    assert [held.stage for held in made] == ["power", "firmware", "ipxe"]
    assert made.seconds("firmware") == 1.0
    assert made.seconds("ready") is None


def test_the_next_stage_follows_the_furthest_that_was_reached() -> None:
    assert timeline().awaited is STAGES[0]
    assert (timeline(mark("power", 0), mark("kernel", 8)).awaited or STAGES[0]).name == "userspace"
    assert timeline(mark("ready", 9)).awaited is None
    assert (timeline(mark("reset", 9)).awaited or STAGES[1]).name == "power"


def test_a_raspberry_pi_is_awaited_by_stages_of_its_own() -> None:
    rpi = stages_of("cm4")
    assert (timeline(mark("power", 0), stages=rpi).awaited or STAGES[0]).name == "eeprom"
    assert (timeline(mark("power", 0), mark("armstub", 4), stages=rpi).awaited or STAGES[0]).name == "firmware"
    assert (timeline(mark("power", 0), mark("eeprom", 1), stages=rpi).awaited or STAGES[0]).name == "link"
    # A stage that this machine has none of moves nothing.
    assert (timeline(mark("power", 0), mark("armstub", 4)).awaited or STAGES[0]).name == "firmware"
    assert (stages_of(None), stages_of("cm3+")) == (STAGES, RPI3_STAGES)


def test_what_dnsmasq_and_packets_say_again_stands_beside_the_console_or_by_itself() -> None:
    def seen(source: str, at: float) -> Mark:
        return replace(mark("rom-lease", at), source=source)

    [row] = table(timeline(seen("console", 1.0), seen("dnsmasq", 1.01), seen("packets", 0.99))).splitlines()[1:]
    assert row.endswith("console  seen (dnsmasq: +0.010s, packets: -0.010s)")
    # A console that is silent leaves the row to dnsmasq.
    [row] = table(timeline(seen("dnsmasq", 1.01), seen("packets", 1.0))).splitlines()[1:]
    assert row.endswith("dnsmasq  seen (packets: -0.010s)")


def test_json_has_seconds_and_error_bounds() -> None:
    document = timeline(mark("power", 0), mark("ready", 9.25)).to_json()
    assert document["schema"] == "hil.timeline/1"
    assert document["power_on_wall"] == 1_700_000_000
    assert document["marks"] == [
        {"stage": "power", "seconds": 0.0, "error_seconds": 0.005, "source": "console", "evidence": "seen"},
        {"stage": "ready", "seconds": 9.25, "error_seconds": 0.005, "source": "console", "evidence": "seen"},
    ]


def test_the_table_has_a_row_a_mark_and_cuts_long_evidence() -> None:
    drawn = table(timeline(mark("power", 0), mark("firmware", 1, "x" * 100), mark("ready", 4)), width=8)
    rows = drawn.splitlines()
    assert len(rows) == 4
    assert rows[2].split()[:3] == ["firmware", "1.000s", "1.000s"]
    assert rows[2].endswith("x" * 59 + "…")
    assert "██████" in rows[3]
    assert table(timeline()) == "(no marks yet)"
    assert line(1.0, mark("firmware", 1)) == "[   1.000s] firmware        seen"


@given(total=st.floats(0.001, 1e4), start=st.floats(0, 1), share=st.floats(0, 1), width=st.integers(1, 80))
def test_a_bar_never_leaves_its_column(total: float, start: float, share: float, width: int) -> None:
    begin = total * start * 0.999
    assert len(bar(begin, (total - begin) * share, total, width)) <= width
