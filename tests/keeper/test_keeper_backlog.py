"""The backlog against a plain model, whatever came in and wherever a reader starts."""

from __future__ import annotations

import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from hil.console.stream import MAX_CHUNK, Chunk
from hil.keeper.backlog import Backlog

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


def ends(chunks: list[Chunk]) -> list[tuple[int, int, int]]:
    return [(chunk.stamp_ns, chunk.incarnation, chunk.offset) for chunk in chunks if not chunk.data]


@given(steps=st.lists(STEP, max_size=60), start=st.integers(0, 2000), keep=st.sampled_from([16, 64, 1 << 20]))
def test_what_was_added_comes_back(steps: list[tuple[int, int, int]], start: int, keep: int) -> None:
    chunks = grow(steps)
    whole = b"".join(chunk.data for chunk in chunks)
    with tempfile.TemporaryFile() as log:
        log.write(whole)
        log.flush()
        backlog = Backlog(keep=keep)
        backlog.use_log(log.fileno())
        live = backlog.cursor(None)
        seen: list[Chunk] = []
        for number, chunk in enumerate(chunks):
            backlog.add(chunk, logged=True)
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


@given(steps=st.lists(STEP, max_size=60), logged=st.integers(0, 60))
def test_what_is_nowhere_is_skipped_and_the_rest_is_right(steps: list[tuple[int, int, int]], logged: int) -> None:
    chunks = grow(steps)
    whole = b"".join(chunk.data for chunk in chunks)
    with tempfile.TemporaryFile() as log:
        backlog = Backlog(keep=16)
        backlog.use_log(log.fileno())
        for number, chunk in enumerate(chunks):
            if number < logged:
                os.write(log.fileno(), chunk.data)
            backlog.add(chunk, logged=number < logged)
        got = drain(backlog, 0)
    assert all(whole[chunk.offset : chunk.offset + len(chunk.data)] == chunk.data for chunk in got)
    assert b"".join(chunk.data for chunk in got)[-16:] == whole[-16:]
    assert ends(got) == ends(chunks)
    recorded = sum(len(chunk.data) for chunk in chunks[:logged])
    assert b"".join(chunk.data for chunk in got)[:recorded] == whole[:recorded]


def test_the_index_of_single_characters_stays_small() -> None:
    backlog = Backlog()
    for number in range(100_000):  # ten of them a millisecond
        backlog.add(Chunk(number * 100_000, 1, number, b"x"), logged=False)
    assert len(drain(backlog, 0)) == 10_000
