"""The wire form of chunks: the same chunks come out, however the socket cuts them."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.console.stream import MAX_CHUNK, Chunk, ChunkDecoder, StreamCorrupt, encode

CHUNKS = st.lists(
    st.builds(
        Chunk,
        stamp_ns=st.integers(0, 2**64 - 1),
        incarnation=st.integers(0, 2**32 - 1),
        offset=st.integers(0, 2**64 - 1),
        data=st.binary(max_size=40),
    ),
    max_size=8,
)


@given(CHUNKS, st.lists(st.integers(0, 500), max_size=20))
def test_chunks_come_out_as_they_went_in_however_they_are_cut(chunks: list[Chunk], cuts: list[int]) -> None:
    wire = b"".join(map(encode, chunks))
    places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    decoder, out = ChunkDecoder(), []
    for start, end in itertools.pairwise(places):
        out += decoder.feed(wire[start:end])
    assert out == chunks


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_hostile_bytes_give_chunks_or_are_refused(pieces: list[bytes]) -> None:
    decoder = ChunkDecoder()
    with contextlib.suppress(StreamCorrupt):
        for piece in pieces:
            for chunk in decoder.feed(piece):
                assert len(chunk.data) <= MAX_CHUNK


def test_a_chunk_that_is_too_long_is_refused_from_its_header() -> None:
    with pytest.raises(StreamCorrupt, match="a chunk of 65537 bytes was announced"):
        ChunkDecoder().feed(encode(Chunk(0, 0, 0, b"x" * (MAX_CHUNK + 1)))[:24])
