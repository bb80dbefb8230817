"""What one console says about one switching, from bytes and moments."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.clock import NANOSECONDS
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.finding.evidence import Cycle, Heard, Hearing, judge

KERNEL = b"[    0.000000] Booting Linux on physical CPU 0x0\r\n"
TALK = b"still talking\r\n"
# Seconds: listened from 0, off at 10, dark from 12, on at 13.
CYCLE = Cycle(0, 10 * NANOSECONDS, 12 * NANOSECONDS, 13 * NANOSECONDS)


def said(*what: tuple[float, bytes]) -> Transcript:
    """A transcript of what was said, each with its second."""
    transcript = Transcript()
    for second, data in what:
        transcript.append(Chunk(round(second * NANOSECONDS), 1, transcript.end, data))
    return transcript


def heard(*what: tuple[float, bytes]) -> Hearing:
    return judge(said(*what), CYCLE)


def test_a_board_that_was_dark_and_boots_has_rebooted() -> None:
    hearing = heard((5, TALK), (14.5, KERNEL))
    assert hearing == Hearing(
        Heard.REBOOTED, "[    0.000000] Booting Linux on physical CPU 0x0", 1.5, (), was_talking=True
    )
    assert not heard((14.5, KERNEL)).was_talking


def test_what_is_said_while_the_capacitors_run_empty_is_no_talk_in_the_dark() -> None:
    assert heard((11.9, TALK), (14, KERNEL)).heard is Heard.REBOOTED
    assert heard((12.1, TALK), (14, KERNEL)).heard is Heard.TALKED


def test_who_talks_all_the_time_has_its_power_from_elsewhere_whatever_it_says_then() -> None:
    hearing = heard((5, TALK), (11, TALK), (12.5, TALK), (14, KERNEL))
    assert (hearing.heard, hearing.words) == (Heard.TALKED, "still talking")


def test_a_few_bytes_of_a_line_that_loses_its_power_are_nothing() -> None:
    assert heard((12.5, b"\0\xff\0")).heard is Heard.NOTHING
    assert heard((13.0, b"\0\xff\0")).heard is Heard.NOTHING
    assert heard((12.5, b"\0\xff\0"), (14, b"\xff\0" + KERNEL)).heard is Heard.REBOOTED


def test_first_words_of_before_do_not_count() -> None:
    assert heard((9, KERNEL)).heard is Heard.NOTHING
    assert heard((11, KERNEL), (14, b"a prompt of a program # ")).heard is Heard.SPOKE


def test_no_text_is_told_apart_from_words_that_are_not_known() -> None:
    assert heard((14, bytes(range(128, 200)))).heard is Heard.GARBLED
    assert heard((14, b"vendor loader 3\r\n")) == Hearing(Heard.SPOKE, "vendor loader 3")


def test_a_line_that_went_away_says_nothing_certain() -> None:
    assert heard((14, KERNEL), (15, b"")).heard is Heard.GONE


def test_the_address_that_it_calls_its_own_is_kept() -> None:
    assert heard((14, KERNEL + b"net0: 52:54:00:12:34:56 using x on y\r\n")).macs == ("52:54:00:12:34:56",)


@settings(max_examples=unless_quick(60), deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.binary(min_size=1, max_size=30) | st.just(KERNEL)), max_size=6),
    st.booleans(),
)
def test_who_rebooted_was_silent_in_the_dark_and_spoke_later(what: list[tuple[float, bytes]], ends: bool) -> None:
    what.sort(key=lambda item: item[0])
    hearing = heard(*what, *([(21.0, b"")] if ends else []))
    if hearing.heard is Heard.REBOOTED:
        assert not ends
        assert sum(len(data) for second, data in what if 12 <= second < 13) <= 8
        assert any(second >= 13 for second, _ in what)
        assert 0 <= hearing.seconds <= 7
