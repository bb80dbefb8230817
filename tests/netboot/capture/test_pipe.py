"""The thread that empties QEMU's pipe: its stamps are true, it ends when told, and it drops what nobody takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import pytest

from hil.clock import hold, now_ns
from hil.netboot.capture import pipe as module
from hil.netboot.capture.pipe import Pipe


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.fixture
def pipe(fifo: Path) -> Iterator[Pipe]:
    """One that reads; a test sees it end."""
    since = now_ns()
    with closing(Pipe(str(fifo), since)) as pipe:
        pipe.begin()
        yield pipe


@pytest.fixture
def writer(fifo: Path, pipe: Pipe) -> int:
    """QEMU's end, for the test to close."""
    return os.open(fifo, os.O_WRONLY)


def test_each_piece_arrived_after_it_was_sent_and_was_not_there_before(pipe: Pipe, writer: int) -> None:
    for number in range(8):
        before = now_ns()
        os.write(writer, b"%d" % number)
        after = now_ns()
        data, looked, arrived = pipe.take() or (b"", 0, 0)
        assert data == b"%d" % number
        assert looked <= after
        assert before <= arrived
        hold(0.003)
    os.close(writer)
    assert pipe.take() is None


def test_what_was_there_before_it_was_opened_is_as_old_as_the_pipe(fifo: Path) -> None:
    since = now_ns()
    first = os.open(fifo, os.O_RDWR)
    os.write(first, b"early")
    with closing(Pipe(str(fifo), since)) as pipe:
        pipe.begin()
        assert (pipe.take() or (b"", 0, 0))[:2] == (b"early", since)
        os.close(first)
        assert pipe.take() is None


def test_while_nothing_comes_it_looks_again_and_again(
    pipe: Pipe, writer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: SimpleQueue[int] = SimpleQueue()

    def look() -> int:
        looks.put(now_ns())
        return now_ns()

    os.write(writer, b"1")
    _, first, _ = pipe.take() or (b"", 0, 0)
    quiet = now_ns()
    monkeypatch.setattr(module, "monotonic_ns", look)
    for _ in range(2):  # a look is over when the next one begins
        looks.get(timeout=20)
    os.write(writer, b"2")
    _, looked, _ = pipe.take() or (b"", 0, 0)
    os.close(writer)
    assert pipe.take() is None
    assert first < quiet < looked


def test_it_ends_when_told_with_what_is_there(pipe: Pipe, writer: int) -> None:
    os.write(writer, b"last words")
    pipe.end()
    taken = pipe.take()
    assert taken is not None
    assert taken[0] == b"last words"
    assert pipe.take() is None
    os.close(writer)


def test_it_waits_for_a_writer_until_told(pipe: Pipe) -> None:
    hold(0.03)
    pipe.end()
    assert pipe.take() is None


def test_what_nobody_takes_is_dropped_at_a_limit(pipe: Pipe, writer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_PENDING", 100)
    while not pipe.dropped:
        os.write(writer, bytes(80))
    os.close(writer)
    sizes = []
    while (piece := pipe.take()) is not None:
        sizes.append(len(piece[0]))
    assert sum(sizes[:-1]) <= 100 < sum(sizes)
