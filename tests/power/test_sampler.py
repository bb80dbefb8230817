"""The sampler: what it has read by when, what it writes down, and that nothing of it reaches the bench as an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.meters import Steady

from hil.clock import Deadline, hold, now_ns
from hil.power.port import PortSilent
from hil.power.sampler import Sampler
from hil.power.samples import read_samples

SOON = 5.0


@contextmanager
def sampling(meter: Steady, path: Path, every: float = 0.005, *, simulated: bool = False) -> Iterator[Sampler]:
    sampler = Sampler(meter, every, path / "power.csv", simulated=simulated)
    sampler.begin()
    try:
        yield sampler
    finally:
        sampler.end()


def silent() -> float:
    raise PortSilent("plug: no answer", hint="look")


def broken() -> float:
    raise KeyError("apower")


def test_a_reading_that_began_after_a_moment_is_got_at_once(tmp_path: Path) -> None:
    with sampling(Steady(), tmp_path, every=60) as sampler:
        first = sampler.wait_after(0, Deadline.after(SOON))
        assert first is not None
        moment = now_ns()
        second = sampler.wait_after(moment, Deadline.after(SOON))
        assert second is not None
        assert second.at_ns > moment
        assert sampler.latest() == second
        assert sampler.wait_after(now_ns() + 10**15, Deadline.after(0.01)) is None
    assert sampler.wait_after(now_ns(), Deadline.after(SOON)) is None


def test_who_has_its_reading_and_is_not_awake_yet_makes_no_further_look(tmp_path: Path) -> None:
    meter = Steady()
    with sampling(meter, tmp_path, every=60) as sampler:
        sampler._wanted.append(now_ns())
        assert sampler.wait_after(sampler._wanted[0], Deadline.after(SOON)) is not None
        looks = meter.asked
        hold(0.2)
        assert meter.asked == looks


def test_a_reading_after_a_moment_to_come_is_got_when_it_comes(tmp_path: Path) -> None:
    """Also from a meter whose readings tell of a moment before they were asked for, as those of chips that average."""
    meter = Steady(late_ns=60_000_000)
    with sampling(meter, tmp_path, every=60) as sampler:
        moment = now_ns() + 200_000_000
        found = sampler.wait_after(moment, Deadline.after(SOON))
        assert found is not None
        assert found.at_ns - found.error_ns > moment
        looks = meter.asked
        assert looks <= 9
    assert meter.asked <= looks + 1


def test_a_look_that_fails_is_a_gap_with_its_reason(tmp_path: Path) -> None:
    meter = Steady({2: silent, 3: broken, 4: lambda: float("nan")})
    with sampling(meter, tmp_path) as sampler:
        seen = sampler.wait_after(0, Deadline.after(SOON))
        while seen is not None and seen.watts != 5.0:
            seen = sampler.wait_after(seen.at_ns, Deadline.after(SOON))
    first, second, third, fourth, fifth = sampler.readings(0, now_ns())[:5]
    assert (first.watts, fifth.watts) == (1.0, 5.0)
    assert second.gap == "plug: no answer"
    assert third.gap == "the meter's driver failed: KeyError('apower')"
    assert fourth.gap.startswith("the meter says what is no number: ")
    assert second.reading is third.reading is fourth.reading is None
    assert read_samples(tmp_path / "power.csv") == sampler.readings(0, now_ns())


def test_samples_of_an_interval_have_one_more_on_each_side(tmp_path: Path) -> None:
    meter = Steady()
    with sampling(meter, tmp_path) as sampler:
        seen = sampler.wait_after(0, Deadline.after(SOON))
        while seen is not None and (seen.watts or 0) < 5:
            seen = sampler.wait_after(seen.at_ns, Deadline.after(SOON))
    every = sampler.readings(0, now_ns())
    assert sampler.readings(every[1].at_ns, every[2].at_ns) == every[:4]
    assert sampler.readings(every[1].at_ns + 1, every[2].at_ns - 1) == every[1:3]
    assert sampler.readings(0, 1) == every[:1]


@pytest.mark.parametrize("simulated", [True, False])
def test_each_line_says_whether_it_is_simulated(tmp_path: Path, simulated: bool) -> None:
    with sampling(Steady(), tmp_path, simulated=simulated) as sampler:
        assert sampler.wait_after(0, Deadline.after(SOON)) is not None
    header, *lines = (tmp_path / "power.csv").read_text().splitlines()
    assert header.endswith(",source")
    assert {line.rpartition(",")[2] for line in lines} == {"simulated" if simulated else "measured"}


def test_a_full_disk_ends_the_recording_and_not_the_sampling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "power.csv").symlink_to("/dev/full")
    monkeypatch.setattr(os, "O_EXCL", 0)
    with sampling(Steady(), tmp_path) as sampler:
        assert sampler.wait_after(0, Deadline.after(SOON)) is not None
        assert sampler.note == "power.csv cannot be written any more: No space left on device"


def test_no_recording_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "power.csv").write_text("of before\n")
    with sampling(Steady(), tmp_path) as sampler:
        assert sampler.wait_after(0, Deadline.after(SOON)) is not None
    assert (tmp_path / "power.csv").read_text() == "of before\n"
    assert sampler.note == "power.csv cannot be written any more: File exists"


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.meters import Steady
from hil.power.sampler import Sampler
sampler = Sampler(Steady(), 0.002, Path(sys.argv[1]))
sampler.begin()
while (sampler.latest() is None) or sampler.latest().watts < 5: time.sleep(0.002)
print("sampling", flush=True)
time.sleep(60)
"""


def test_what_was_sampled_survives_a_kill(tmp_path: Path) -> None:
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", KILLED, str(tmp_path / "power.csv"), tests]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"sampling\n"
        child.send_signal(signal.SIGKILL)
    watts = [sample.watts for sample in read_samples(tmp_path / "power.csv")]
    assert watts[:5] == [1.0, 2.0, 3.0, 4.0, 5.0]
