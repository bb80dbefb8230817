"""The one clock: deadlines, and wall time from one anchor."""

from __future__ import annotations

import time

import pytest

from hil.clock import NANOSECONDS, Deadline, WallAnchor, now_ns


def test_a_deadline_counts_down_and_expires() -> None:
    assert not Deadline.after(60).expired
    remaining = Deadline.after(60).remaining()
    assert remaining is not None
    assert 59 < remaining <= 60
    past = Deadline(now_ns() - 1, 1.0)
    assert past.expired
    assert past.remaining() == 0.0


def test_no_end_is_said_so() -> None:
    never = Deadline.after(float("inf"))
    assert never.remaining() is None
    assert not never.expired
    assert str(never) == "no time limit"
    assert str(Deadline.after(2.5)) == "2.5 s"


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_nonsense_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds >= 0"):
        Deadline.after(seconds)


def test_the_sooner_of_two() -> None:
    long, never = Deadline.after(100), Deadline.after(float("inf"))
    assert (long.sooner(1).at_ns or 0) < (long.at_ns or 0)
    assert long.sooner(1000) is long
    assert never.sooner(5).at_ns is not None
    assert long.sooner(float("inf")) is long
    assert Deadline.of(long) is long
    assert Deadline.of(3).within == 3


def test_seconds_count_from_the_moment_that_is_said() -> None:
    assert Deadline.of(2, since_ns=5 * NANOSECONDS) == Deadline(7 * NANOSECONDS, 2)
    assert Deadline.of(float("inf"), since_ns=5) == Deadline(None, float("inf"))
    made = Deadline.after(9)
    assert Deadline.of(made, since_ns=5) is made
    with pytest.raises(ValueError, match="seconds >= 0"):
        Deadline.of(-1, since_ns=5)


def test_wall_time_and_back() -> None:
    anchor = WallAnchor(5 * NANOSECONDS, 1_700_000_000 * NANOSECONDS)
    assert anchor.to_wall(6 * NANOSECONDS) == 1_700_000_001
    assert anchor.from_wall(1_700_000_002) == 7 * NANOSECONDS
    taken = WallAnchor.take()
    assert abs(taken.monotonic_ns - now_ns()) < NANOSECONDS


def test_both_clocks_are_read_together_though_the_host_stalls_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    now, offset, stalls = 5 * NANOSECONDS, 1_700_000_000 * NANOSECONDS, [80_000_000, 0]

    def wall() -> int:
        nonlocal now
        now += stalls.pop(0)
        return now + offset

    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic_ns", lambda: now)
        patch.setattr(time, "time_ns", wall)
        taken = WallAnchor.take()
    assert taken.wall_ns - taken.monotonic_ns == offset
    assert not stalls
