"""What is told of how long answers took: ranks that are values which came, and a cold start only where it was seen."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hil.readiness.spin.timings import Stopwatch, percentile

SECOND = 1_000_000_000


def test_nothing_was_measured() -> None:
    timings = Stopwatch(0).read()
    assert timings.words == "no answer was measured"
    assert (timings.count, timings.worst, timings.cold_start) == (0, 0.0, None)


def test_the_first_answer_is_known_as_exactly_as_one_asked() -> None:
    stopwatch = Stopwatch(0)
    stopwatch.silent(5 * SECOND)
    stopwatch.silent(6 * SECOND)
    stopwatch.answered(6 * SECOND + SECOND // 2, 0.012)
    stopwatch.silent(7 * SECOND)
    stopwatch.answered(8 * SECOND, 0.002)
    timings = replace(stopwatch.read(), up_ns=4 * SECOND)
    assert (timings.first_ns, timings.bound, timings.cold_start) == (6 * SECOND + SECOND // 2, 0.5, 2.5)
    assert timings.words == "p50 2.0 p95 12 max 12 ms of 2, cold start 2.5 s"
    assert timings.to_json() == {
        "answers": 2,
        "p50_seconds": 0.002,
        "p95_seconds": 0.012,
        "max_seconds": 0.012,
        "cold_start_seconds": 2.5,
        "cold_start_error_seconds": 0.5,
    }


def test_a_service_that_came_to_run_after_the_first_answer_tells_no_cold_start() -> None:
    stopwatch = Stopwatch(0)
    stopwatch.answered(SECOND, 0.01)
    assert stopwatch.read().to_json()["cold_start_seconds"] is None
    early = Stopwatch(0)
    early.silent(SECOND // 2)
    early.answered(SECOND, 0.01)
    assert replace(early.read(), up_ns=0).cold_start == 1.0
    assert replace(early.read(), up_ns=2 * SECOND).cold_start is None


def test_what_was_answered_when_it_was_first_asked_may_have_been_able_to_for_long() -> None:
    stopwatch = Stopwatch(0)
    stopwatch.answered(SECOND, 0.01)
    late = replace(stopwatch.read(), up_ns=0)
    assert (late.bound, late.cold_start, late.to_json()["cold_start_error_seconds"]) == (None, None, None)
    assert stopwatch.read().words == "10 ms"


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_one_of_the_values_and_enough_are_not_above_it(values: list[float], percent: int) -> None:
    ordered = sorted(values)
    found = percentile(ordered, percent)
    assert found in ordered
    assert sum(value <= found for value in ordered) * 100 >= percent * len(ordered)
    assert sum(value < found for value in ordered) * 100 < percent * len(ordered)
