"""The keeper's loop: when it lets pieces gather, and that it never does so while somebody waits."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from hil.clock import Deadline
from hil.keeper import loop as module
from hil.keeper.loop import Loop


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(module.time, "sleep", found.append)
    return found


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def wakes() -> list[int]:
    return []


@pytest.fixture
def loop(wakes: list[int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    """A loop whose pipe for signals is closed again: a keeper has one for as long as it lives."""
    ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(-1)
    monkeypatch.setattr(module.os, "pipe2", lambda flags: ends)
    yield Loop((), wakes.append)
    signal.set_wakeup_fd(before)
    for end in ends:
        os.close(end)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many ns pass between two looks at the clock."""

    def runs(step: int) -> None:
        readings = count(0, step)
        monkeypatch.setattr(module, "now_ns", lambda: next(readings))

    return runs


def served(loop: Loop, wakes: list[int], times: int) -> None:
    assert loop.run_until(lambda: len(wakes) >= times, Deadline.after(5))


def always_readable(loop: Loop, wakes: list[int], pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.send(b"x")
    loop.watch(ours.fileno(), read=lambda: wakes.append(1))


def test_it_naps_once_many_have_woken_it_one_after_the_other(
    loop: Loop,
    wakes: list[int],
    naps: list[float],
    clock: Callable[[int], None],
    pair: tuple[socket.socket, socket.socket],
) -> None:
    clock(0)
    always_readable(loop, wakes, pair)
    served(loop, wakes, 16)
    assert naps == []
    served(loop, wakes, 20)
    assert naps == [0.001] * 4


def test_it_does_not_nap_when_it_had_to_wait(
    loop: Loop,
    wakes: list[int],
    naps: list[float],
    clock: Callable[[int], None],
    pair: tuple[socket.socket, socket.socket],
) -> None:
    clock(2_000_000)
    always_readable(loop, wakes, pair)
    served(loop, wakes, 40)
    assert naps == []


def test_it_does_not_nap_while_somebody_waits_to_be_written_to(
    loop: Loop,
    wakes: list[int],
    naps: list[float],
    clock: Callable[[int], None],
    pair: tuple[socket.socket, socket.socket],
) -> None:
    clock(0)
    always_readable(loop, wakes, pair)
    loop.watch(pair[1].fileno(), write=lambda: wakes.append(2))
    served(loop, wakes, 60)
    assert naps == []
