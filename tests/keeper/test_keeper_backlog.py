"""The backlog against a plain model, whatever came in and wherever a reader starts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hil.console.stream import MAX_CHUNK, Chunk
from hil.keeper.backlog import Backlog

UNHURRIED = settings(deadline=None)  # a busy machine is no failure
STEP = st.tuples(st.integers(0, 1_500_000), st.integers(0, 3), st.integers(0, 40))


def grow(steps: list[tuple[int, int, int]]) -> list[Chunk]:
    """Chunks from (nanoseconds since the last, 0 for "the incarnation ends", length)."""
    chunks: list[Chunk] = []
    stamp, incarnation, offset = 1_000_000_000, 1, 0
    for wait, end, length in steps:
        stamp += wait
        data = b"" if end == 0 else bytes((offset + place) % 251 for place in range(length + 1))
        chunks.append(Chunk(stamp, incarnation, offset, data))
        offset += len(data)
        incarnation += end == 0
    return chunks


def drain(backlog: Backlog, start: int | None) -> list[Chunk]:
    cursor = backlog.cursor(start)
    chunks = []
    while (chunk := backlog.next(cursor)) is not None:
        chunks.append(chunk)
    return chunks


def new_log(folder: Path, backlog: Backlog) -> Path:
    """An empty log file that the backlog uses from now on."""
    path = folder / str(len(list(folder.iterdir())))
    path.touch()
    backlog.use_log(path)
    return path


def append(log: Path, data: bytes) -> None:
    with log.open("ab") as file:
        file.write(data)


def ends(chunks: list[Chunk]) -> list[tuple[int, int, int]]:
    return [(chunk.stamp_ns, chunk.incarnation, chunk.offset) for chunk in chunks if not chunk.data]


@UNHURRIED
@given(
    steps=st.lists(STEP, max_size=60),
    start=st.integers(0, 2000),
    keep=st.sampled_from([16, 64, 1 << 20]),
    renew=st.integers(1, 3),
)
def test_what_was_added_comes_back(steps: list[tuple[int, int, int]], start: int, keep: int, renew: int) -> None:
    chunks = grow(steps)
    whole = b"".join(chunk.data for chunk in chunks)
    with tempfile.TemporaryDirectory() as folder:
        backlog = Backlog(keep=keep)
        log = new_log(Path(folder), backlog)
        live = backlog.cursor(None)
        seen: list[Chunk] = []
        for number, chunk in enumerate(chunks):
            append(log, chunk.data)
            backlog.add(chunk, logged=True)
            if not chunk.data and chunk.incarnation % renew == 0:
                log = new_log(Path(folder), backlog)
            while number % 3 == 0 and (new := backlog.next(live)) is not None:
                seen.append(new)
        while (new := backlog.next(live)) is not None:
            seen.append(new)
        got = drain(backlog, start)
    assert b"".join(chunk.data for chunk in seen) == whole
    assert ends(seen) == ends(chunks)
    assert b"".join(chunk.data for chunk in got) == (whole[start:] if start <= len(whole) else b"")
    if start <= len(whole):
        assert ends(got) == [end for end in ends(chunks) if end[2] >= start]
    stamps = {place: chunk for chunk in chunks for place in range(chunk.offset, chunk.offset + len(chunk.data))}
    for chunk in seen + got:
        assert len(chunk.data) <= MAX_CHUNK
        for place in range(chunk.offset, chunk.offset + len(chunk.data)):
            assert stamps[place].incarnation == chunk.incarnation
            assert 0 <= stamps[place].stamp_ns - chunk.stamp_ns < 1_000_000


@UNHURRIED
@given(steps=st.lists(STEP, max_size=60), logged=st.integers(0, 60))
def test_what_is_nowhere_is_skipped_and_the_rest_is_right(steps: list[tuple[int, int, int]], logged: int) -> None:
    chunks = grow(steps)
    whole = b"".join(chunk.data for chunk in chunks)
    with tempfile.TemporaryDirectory() as folder:
        backlog = Backlog(keep=16)
        log = new_log(Path(folder), backlog)
        for number, chunk in enumerate(chunks):
            if number < logged:
                append(log, chunk.data)
            backlog.add(chunk, logged=number < logged)
        got = drain(backlog, 0)
    assert all(whole[chunk.offset : chunk.offset + len(chunk.data)] == chunk.data for chunk in got)
    assert b"".join(chunk.data for chunk in got)[-16:] == whole[-16:]
    assert ends(got) == ends(chunks)
    recorded = sum(len(chunk.data) for chunk in chunks[:logged])
    assert b"".join(chunk.data for chunk in got)[:recorded] == whole[:recorded]


def test_a_log_that_was_removed_is_skipped(tmp_path: Path) -> None:
    backlog = Backlog(keep=16)
    log = new_log(tmp_path, backlog)
    for number in range(10):
        append(log, bytes([number]) * 10)
        backlog.add(Chunk(number * 10_000_000, 1, number * 10, bytes([number]) * 10), logged=True)
    log.unlink()
    [first, *_] = drain(backlog, 0)
    assert first.offset > 0


def test_what_no_log_has_is_skipped_up_to_the_next_log(tmp_path: Path) -> None:
    backlog = Backlog(keep=4)
    for number, logged in enumerate((True, False, True, True)):
        chunk = Chunk(number * 10_000_000, 1 + number // 2, number * 10, bytes([65 + number]) * 10)
        if number % 2 == 0:
            log = new_log(tmp_path, backlog)
        if logged:
            append(log, chunk.data)
        backlog.add(chunk, logged=logged)
    assert [(chunk.offset, chunk.data) for chunk in drain(backlog, 0)] == [
        (0, b"A" * 10),
        (20, b"C" * 10),
        (30, b"D" * 10),
    ]


def test_the_index_of_single_characters_stays_small() -> None:
    backlog = Backlog()
    for number in range(100_000):  # ten of them a millisecond
        backlog.add(Chunk(number * 100_000, 1, number, b"x"), logged=False)
    assert len(drain(backlog, 0)) == 10_000
