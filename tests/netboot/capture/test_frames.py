"""QEMU's stream is taken apart whatever pieces it comes in; another stream is refused."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.netboot.capture.frames import Frames, NotPcap

FILE = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1)


def frame(data: bytes, micros: int, length: int | None = None) -> bytes:
    seconds, rest = divmod(micros, 1_000_000)
    return struct.pack("=iiII", seconds, rest, len(data), len(data) if length is None else length) + data


FRAMES = st.lists(st.tuples(st.binary(max_size=80), st.integers(-(2**31) * 10**6, (2**31 - 1) * 10**6)), max_size=8)


@given(FRAMES, st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_any_pieces_have_the_same_frames(frames: list[tuple[bytes, int]], cuts: list[int]) -> None:
    stream = FILE + b"".join(frame(data, micros, len(data) + 1) for data, micros in frames)
    taken, number, reader = [], 0, Frames()
    while stream:
        size = cuts[number % len(cuts)]
        data, found = reader.feed(stream[:size])
        taken += [(data[start:end], length, stamp) for start, end, length, stamp in found]
        stream, number = stream[size:], number + 1
    assert taken == [(data, len(data) + 1, micros * 1000) for data, micros in frames]


@pytest.mark.parametrize(
    "stream",
    [
        b"Bus error on the line, and more",
        struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65536, 1),
        struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 113),
        FILE + struct.pack("=iiII", 1, 2, 1 << 30, 1 << 30),
    ],
)
def test_another_stream_is_refused(stream: bytes) -> None:
    with pytest.raises(NotPcap):
        Frames().feed(stream)


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    with suppress(NotPcap):
        Frames().feed(FILE + data)
