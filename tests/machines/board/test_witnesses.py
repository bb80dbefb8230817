"""A meter and a console as witnesses: what makes them sure, and what they say UNKNOWN to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from hil.clock import NANOSECONDS, Deadline, hold, now_ns
from hil.console.stream import Chunk
from hil.keeper.client import Keeper
from hil.keeper.status import StreamStatus
from hil.machines.board import witnesses
from hil.machines.board.witnesses import ConsoleWitness, MeterWitness
from hil.power.meter import Reading
from hil.power.sampler import Sampler
from hil.switching import PowerState

WORDS = b"[    1.0] random words of a kernel\r\n"


@dataclass
class Samples:
    """A sampler that has these readings, each in its turn; the last one again and again."""

    watts: list[float | None]
    every: float = 0.01
    asked: list[int] = field(default_factory=list)

    def wait_after(self, at_ns: int, deadline: Deadline) -> Reading | None:
        self.asked.append(at_ns)
        if not self.watts or deadline.expired:
            return None
        watts = self.watts.pop(0) if len(self.watts) > 1 else self.watts[0]
        return Reading(max(at_ns + 1, now_ns()), 0, watts=watts)


def meter(*watts: float | None) -> MeterWitness:
    samples = Samples(list(watts))
    return MeterWitness(lambda: cast(Sampler, samples), "plug1", dark_below=1.0, off_at_least=0.02)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "_QUIET", 0.05)
    monkeypatch.setattr(witnesses, "_LAG", 0.02)
    monkeypatch.setattr(witnesses, "_SETTLES", 0.01)


@pytest.mark.parametrize(
    ("wanted", "watts", "state", "words"),
    [
        (PowerState.ON, (3.1,), PowerState.ON, "plug1 reads 3.1 W"),
        # A plug's reading is late: it goes on saying what was.
        (PowerState.ON, (0.0, 0.2, 2.5), PowerState.ON, "plug1 reads 2.5 W"),
        (PowerState.OFF, (3.1, 3.0, 0.4), PowerState.OFF, "plug1 reads 0.4 W"),
        (PowerState.OFF, (3.1,), PowerState.ON, "plug1 reads 3.1 W"),
        (PowerState.ON, (0.3,), PowerState.OFF, "plug1 reads 0.3 W"),
        (PowerState.ON, (), PowerState.UNKNOWN, "plug1 gives no reading"),
        (PowerState.OFF, (None,), PowerState.UNKNOWN, "plug1 tells no watts"),
    ],
)
def test_a_meter(wanted: PowerState, watts: tuple[float | None, ...], state: PowerState, words: str) -> None:
    seen = meter(*watts).look(wanted, now_ns(), deadline=Deadline.after(30))
    assert (seen.state, seen.words) == (state, words)


def test_no_reading_from_before_the_switch_counts() -> None:
    samples = Samples([3.1])
    since = now_ns()
    MeterWitness(lambda: cast(Sampler, samples), "plug1", 1.0, 0.0).look(
        PowerState.ON, since, deadline=Deadline.after(30)
    )
    assert all(asked > since for asked in samples.asked)


def test_a_meter_that_was_given_no_time_is_not_sure_of_the_contrary() -> None:
    seen = meter(3.1).look(PowerState.OFF, now_ns(), deadline=Deadline.after(0.005))
    assert seen.state is PowerState.UNKNOWN


@dataclass
class Feed:
    """A console's chunks, each seen when its stamp has come; a first look may take seconds from then on."""

    chunks: list[Chunk]
    stall: float = 0.0

    def __post_init__(self) -> None:
        self._never, self._other = os.pipe()

    def fileno(self) -> int:
        return self._never

    def read(self) -> list[Chunk]:
        due = [chunk for chunk in self.chunks if chunk.stamp_ns <= now_ns()]
        self.chunks = [chunk for chunk in self.chunks if chunk not in due]
        hold(self.stall)
        self.stall = 0.0
        return due

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._never)
        os.close(self._other)


def said(since_ns: int, *pieces: tuple[float, bytes], live: bool = True, stall: float = 0.0) -> Keeper:
    """A keeper whose console says these pieces, each so many seconds after the switch."""
    chunks = [Chunk(since_ns + round(at * NANOSECONDS), 1, 0, data) for at, data in pieces]

    class Holder:
        def streams(self) -> dict[str, StreamStatus]:
            return {"console:n1": StreamStatus(100, 1, live, None, 0)}

        @contextmanager
        def attach(self, name: str, *, start: int | None) -> Iterator[Feed]:
            with Feed(list(chunks), stall) as feed:
                yield feed

    return cast(Keeper, Holder())


@pytest.mark.parametrize(
    ("pieces", "state"),
    [
        (((-0.03, WORDS),), PowerState.OFF),
        # Silent before and after: nothing is known. Its firmware may just be waiting.
        (((-3.0, WORDS),), PowerState.UNKNOWN),
        ((), PowerState.UNKNOWN),
        # Words while the capacitors hold are no proof of a supply; words after them are.
        (((-0.03, WORDS), (0.01, WORDS)), PowerState.OFF),
        (((-0.03, WORDS), (0.01, WORDS), (0.045, WORDS)), PowerState.ON),
        (((-0.03, WORDS), (0.03, WORDS)), PowerState.ON),
        # What an open line makes of nothing is no word.
        (((-0.03, WORDS), (0.03, b"\0\xff\0")), PowerState.OFF),
    ],
)
def test_a_console_after_a_switching_off(pieces: tuple[tuple[float, bytes], ...], state: PowerState) -> None:
    since = now_ns()
    witness = ConsoleWitness(said(since, *pieces), "console:n1", off_at_least=0.02)
    assert witness.look(PowerState.OFF, since, deadline=Deadline.after(30)).state is state


def test_words_that_come_while_the_host_stalls_behind_a_look_are_heard() -> None:
    since = now_ns()
    keeper = said(since, (-0.03, WORDS), (0.045, WORDS), stall=0.1)
    witness = ConsoleWitness(keeper, "console:n1", off_at_least=0.02)
    assert witness.look(PowerState.OFF, since, deadline=Deadline.after(30)).state is PowerState.ON


def test_a_console_tells_nothing_of_a_switching_on() -> None:
    witness = ConsoleWitness(said(now_ns(), (0.0, WORDS)), "console:n1", off_at_least=0.02)
    assert witness.look(PowerState.ON, now_ns(), deadline=Deadline.after(30)).state is PowerState.UNKNOWN


@pytest.mark.parametrize("stream", ["console:n1", "console:n2"])
def test_a_line_that_is_not_there_tells_nothing(stream: str) -> None:
    witness = ConsoleWitness(said(now_ns(), (-0.01, WORDS), live=False), stream, off_at_least=0.02)
    assert witness.look(PowerState.OFF, now_ns(), deadline=Deadline.after(30)).state is PowerState.UNKNOWN
