"""Energy: exact where power is straight, within its bound where it only rises or falls, and nothing out of a gap."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.power.energy import counted, integrate
from hil.power.meter import Reading, Resolution
from hil.power.samples import Sample

MS = 1_000_000
EXACT = Resolution(watts=0.0)
QUICK = settings(max_examples=unless_quick(40), deadline=None)

GRID = st.lists(st.integers(1, 5000), min_size=1, max_size=8, unique=True).map(lambda ms: [0, *sorted(ms)])
WATTS = st.floats(-5, 50)


def at(ms: float, watts: float | None, error_ms: float = 0, counter: float | None = None) -> Sample:
    return Sample.good(Reading(round(ms * MS), round(error_ms * MS), watts=watts, counter_wh=counter))


def gap(ms: float) -> Sample:
    return Sample.failed(round(ms * MS), round(ms * MS), "no answer")


@QUICK
@given(GRID, st.floats(-10, 10), WATTS, st.data())
def test_straight_power_is_exact_whatever_the_samples(
    grid: list[int], slope: float, first: float, data: st.DataObject
) -> None:
    """Constant power is a slope of 0."""
    start, end = sorted((data.draw(st.integers(0, grid[-1])), data.draw(st.integers(0, grid[-1]))))
    samples = [at(ms, first + slope * ms / 1000) for ms in grid]
    found = integrate(samples, start * MS, end * MS, EXACT)
    seconds = (end - start) / 1000
    assert found.joules == pytest.approx((first + slope * (start + end) / 2000) * seconds, abs=1e-9)
    assert (found.covered_seconds, found.gap_seconds) == pytest.approx((seconds, 0))


@settings(max_examples=unless_quick(150), deadline=None)
@given(st.data())
def test_the_bound_holds_where_power_only_rises_or_falls_between_samples(data: st.DataObject) -> None:
    """The truth jumps once between two samples, at the worst moments; stamps and values are off as far as they say."""
    count, step = data.draw(st.integers(2, 4)), data.draw(st.sampled_from([0.0, 1.0]))
    truth = [data.draw(st.sampled_from([0.0, 0.75, 9.5])) for _ in range(count)]
    samples: list[Sample] = []
    times: list[int] = []
    for number, watts in enumerate(truth):
        # An error may be larger than the time to the next: a meter that tells of any moment of its last second.
        stamp, error = 100 * number, data.draw(st.sampled_from([0, 40, 130]))
        off = data.draw(st.sampled_from([-error, error]))
        times.append(max(stamp + off, *times[-1:], stamp - error))
        samples.append(at(stamp, math.floor(watts / step) * step if step else watts, max(error, times[-1] - stamp)))
    jumps = [data.draw(st.sampled_from([one, other])) for one, other in pairwise(times)]
    stamps = [sample.at_ns // MS for sample in samples]
    inside = st.sampled_from(stamps) | st.integers(stamps[0], stamps[-1])
    start, end = sorted((data.draw(inside), data.draw(inside)))
    edges = [-math.inf, *jumps, math.inf]
    true_joules = sum(
        watts * max(0.0, min(end, stop) - max(start, begin)) / 1000
        for watts, (begin, stop) in zip(truth, pairwise(edges), strict=True)
    )
    found = integrate(samples, start * MS, end * MS, Resolution(watts=step))
    assert abs(found.joules - true_joules) <= found.error_joules + 1e-9


@pytest.mark.parametrize(("start", "end", "bound"), [(0, 1000, 5.0), (0, 100, 0.95), (900, 1000, 0.95)])
def test_the_bound_is_no_wider_than_the_worst_that_can_be(start: int, end: int, bound: float) -> None:
    """Power that jumps from 0 to 10 W right behind the first sample, or right before the second."""
    found = integrate([at(0, 0.0), at(1000, 10.0)], start * MS, end * MS, EXACT)
    assert found.error_joules == pytest.approx(bound)


def test_a_stamp_may_be_from_before_the_interval_and_its_value_from_within() -> None:
    """10 W seen at 100 ms, or up to 40 ms later: until then it may have been 0 W."""
    samples = [at(0, 0.0), at(100, 10.0, error_ms=40), at(200, 10.0)]
    found = integrate(samples, 110 * MS, 200 * MS, EXACT)
    assert found.joules == pytest.approx(0.9)
    assert found.error_joules >= 10.0 * 0.030


@QUICK
@given(GRID, st.data())
def test_parts_add_up_to_the_whole(grid: list[int], data: st.DataObject) -> None:
    samples = [data.draw(st.one_of(WATTS.map(lambda w, ms=ms: at(ms, w)), st.just(gap(ms)))) for ms in grid]
    start, middle, end = sorted(data.draw(st.integers(-100, 5100)) * MS for _ in range(3))
    whole = integrate(samples, start, end, EXACT)
    one, other = integrate(samples, start, middle, EXACT), integrate(samples, middle, end, EXACT)
    assert one.joules + other.joules == pytest.approx(whole.joules, abs=1e-9)
    assert one.gap_seconds + other.gap_seconds == pytest.approx(whole.gap_seconds)
    assert one.covered_seconds + other.covered_seconds == pytest.approx(whole.covered_seconds)
    assert one.error_joules + other.error_joules >= whole.error_joules - 1e-9


@QUICK
@given(GRID, st.data())
def test_a_gap_adds_no_energy_and_is_counted(grid: list[int], data: st.DataObject) -> None:
    samples = [at(ms, data.draw(st.floats(0.1, 50))) for ms in grid]
    number = data.draw(st.integers(0, len(grid) - 1))
    end = grid[-1] * MS
    before, after = max(0, number - 1), min(len(grid) - 1, number + 1)
    holed = [*samples[:number], gap(grid[number]), *samples[number + 1 :]]
    whole, found = integrate(samples, 0, end, EXACT), integrate(holed, 0, end, EXACT)
    hidden = integrate(samples, samples[before].at_ns, samples[after].at_ns, EXACT)
    assert found.joules == pytest.approx(whole.joules - hidden.joules, abs=1e-9)
    assert found.gap_seconds == pytest.approx((grid[after] - grid[before]) / 1000)


def test_an_interval_begins_before_the_first_sample_and_ends_after_the_last() -> None:
    found = integrate([at(500, 4.0), at(1500, 4.0)], 0, 2000 * MS, Resolution(watts=0.1))
    assert (found.joules, found.covered_seconds, found.gap_seconds) == (4.0, 1.0, 1.0)
    assert found.error_joules == pytest.approx(0.1)
    assert (found.peak_watts, found.mean_watts, found.samples) == (4.0, 4.0, 2)


def test_what_lies_too_far_apart_is_a_gap() -> None:
    samples = [at(0, 2.0), at(1000, 2.0), at(9000, 2.0)]
    assert integrate(samples, 0, 9000 * MS, EXACT, longest=3.0).joules == 2.0


def test_of_no_samples_nothing_is_known() -> None:
    found = integrate([gap(100), at(200, None)], 0, 1000 * MS, EXACT)
    assert (found.covered_seconds, found.gap_seconds, found.mean_watts, found.peak_watts) == (0, 1.0, None, None)


def test_the_step_of_a_product_is_that_of_its_factors() -> None:
    """5 V in steps of 1.25 mV and 1 A in steps of 1 mA: 5 mW, 1.25 mW and 1.25 uW."""
    samples = [Sample.good(Reading(ms * MS, 0, 5.0, 1.0, 5.0)) for ms in (0, 1000)]
    found = integrate(samples, 0, 1000 * MS, Resolution(volts=0.00125, amperes=0.001))
    assert found.error_joules == pytest.approx(0.00625125)


def test_the_meter_s_own_counter() -> None:
    samples = [at(0, 36.0, counter=5.125), at(1000, None), at(2000, 36.0, counter=5.145)]
    assert counted(samples, 0, 2000 * MS) == pytest.approx(72.0)
    assert counted(samples, 0, 1000 * MS) is None
    assert counted([*samples, at(3000, 36.0, counter=0.0)], 0, 3000 * MS) is None


def test_an_interval_that_ends_before_it_begins_is_no_interval() -> None:
    with pytest.raises(ValueError, match="an interval from 2 ns to 1 ns"):
        integrate([], 2, 1, EXACT)
