"""GOAWAY is kept from those who could not go on after it; every other byte passes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.readiness.talos.http2 import Frames

GOAWAY = 7


def frame(kind: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, 0]) + bytes(4) + payload


frames = st.lists(st.tuples(st.integers(0, 12), st.binary(max_size=40)), max_size=8)


@given(frames, st.lists(st.integers(1, 30), max_size=40))
def test_all_but_goaway_passes_however_it_is_cut(given: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(frame(*one) for one in given)
    reader = Frames()
    passed = b""
    for cut in cuts:
        passed += reader.feed(data[:cut])
        data = data[cut:]
    passed += reader.feed(data)
    assert passed == b"".join(frame(*one) for one in given if one[0] != GOAWAY)
    assert reader.leaving == any(kind == GOAWAY for kind, _ in given)


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    assert len(Frames().feed(data)) <= len(data)
