"""power.csv: what is written reads back unchanged, and what was cut or is none of it does no harm."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.power.meter import Reading
from hil.power.samples import Sample, header, line, parse

NS = st.integers(0, 2**62)
VALUE = st.none() | st.floats(-1e6, 1e6)
READ = st.builds(Reading, NS, NS, VALUE, VALUE, VALUE, VALUE).map(Sample.good)
FAILED = st.builds(Sample.failed, NS, NS, st.text(max_size=30))
SAMPLES = st.lists(READ | FAILED, max_size=5)


@settings(max_examples=unless_quick(40), deadline=None)
@given(SAMPLES, st.integers(0, 400))
def test_whole_lines_read_back_however_the_file_was_cut(samples: list[Sample], keep: int) -> None:
    data = (header() + "".join(map(line, samples))).encode()
    assert parse(data) == samples
    whole = data[:keep].count(b"\n")
    assert parse(data[:keep]) == samples[: max(0, whole - 1)]


@settings(max_examples=unless_quick(40), deadline=None)
@given(st.binary(max_size=80) | st.from_regex(rb'([-0-9."e\n,]{0,8},){7}["a]?\n'))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    for sample in parse(data):
        assert (sample.reading is None) == bool(sample.gap)


def test_what_is_no_number_is_no_line() -> None:
    assert parse(b"1,0,,,nan,,,\n1,0,,,inf,,,\n-1,0,,,1,,,\n1,0,,,1.5,,,\n") == [Sample.good(Reading(1, 0, watts=1.5))]


def test_a_line_is_for_a_person_too() -> None:
    good = Sample.good(Reading(1_500_000_000, 2_000_000, 5.1, 0.42, 2.142))
    gap = Sample.failed(2_000_000_000, 7_000_000_000, 'plug: "no answer",\nwithin 5 s')
    assert header() + line(good, simulated=True) + line(good) + line(gap, simulated=False) == (
        "at_ns,error_ns,volts,amperes,watts,counter_wh,gap,source\n"
        "1500000000,2000000,5.1,0.42,2.142,,,simulated\n"
        "1500000000,2000000,5.1,0.42,2.142,,,\n"
        '4500000000,2500000000,,,,,"plug: ""no answer"", within 5 s",measured\n'
    )
