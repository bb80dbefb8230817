"""Streams: cut anywhere they come out as the whole does; a pause shows three characters at most."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.redaction import MARK, Redactor

_END = b"\0"
_SECRETS = st.lists(
    st.text("ab m0[", min_size=6, max_size=9).filter(lambda text: len(text.strip()) >= 6), min_size=1, max_size=3
)
_NOISE = st.sampled_from([b"\r", b"\n", b" \r", b"\x1b[0m", b"\x08a", b"\x1b", b"\x1b[", b"\x08", b"a", b"m", b" "])


@st.composite
def _streams(draw: st.DrawFn) -> tuple[list[str], bytes, list[int]]:
    """Secrets, bytes in which they, their pieces and breaks are mixed, and where those are cut."""
    secrets = draw(_SECRETS)
    pieces = draw(
        st.lists(
            st.one_of(
                st.sampled_from(secrets).map(str.encode),
                st.tuples(st.sampled_from(secrets), st.integers(0, 9), st.integers(0, 9)).map(
                    lambda cut: cut[0][cut[1] : cut[1] + cut[2]].encode()
                ),
                _NOISE,
            ),
            max_size=9,
        )
    )
    data = b"".join(pieces)
    return secrets, data, sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))


def _chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *cuts, len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(_streams())
def test_a_stream_cut_anywhere_is_the_redaction_of_the_whole(case: tuple[list[str], bytes, list[int]]) -> None:
    secrets, data, cuts = case
    redactor = Redactor(secrets)
    stream = redactor.stream()
    came = b"".join(map(stream.feed, [*_chunks(data, cuts), _END])) + stream.rest()
    assert came == redactor.data(data + _END)


@given(_streams())
def test_pieces_keep_their_order_and_stamps_never_fall(case: tuple[list[str], bytes, list[int]]) -> None:
    secrets, data, cuts = case
    stream = Redactor(secrets).stream()
    pieces = [piece for at, chunk in enumerate(_chunks(data, cuts)) for piece in stream.feed_at(chunk, at)]
    pieces += stream.rest_at()
    stamps = [stamp for stamp, _ in pieces]
    assert stamps == sorted(stamps)
    assert all(piece for _, piece in pieces)


@given(_streams(), st.sets(st.integers(0, 99)))
def test_pauses_anywhere_show_no_whole_secret(case: tuple[list[str], bytes, list[int]], pauses: set[int]) -> None:
    secrets, data, _ = case
    stream = Redactor(secrets).stream()
    came = b""
    for at, byte in enumerate(data):
        came += stream.feed(bytes([byte]))
        if at in pauses:
            came += b"".join(piece for _, piece in stream.release())
            assert stream.patience is None
    came = (came + stream.rest()).replace(MARK.encode(), b"*")
    assert not any(secret.strip().encode() in came for secret in secrets)


def test_a_secret_typed_slowly_shows_three_characters_and_one_mark() -> None:
    stream = Redactor(["hunter-hunter"]).stream()
    came = []
    for character in b"pw: hunter-hunter\r\n":
        came.append(stream.feed(bytes([character])) + b"".join(piece for _, piece in stream.release()))
    assert b"".join(came) == f"pw: hun{MARK}\r\n".encode()


def test_a_prompt_that_begins_like_a_secret_appears_after_a_short_pause() -> None:
    stream = Redactor(["> secret"]).stream()
    assert stream.feed(b"name> ") == b"name"
    assert stream.patience is not None
    assert stream.patience < 0.1
    assert stream.release() == [(0, b"> ")]
    assert stream.patience is None
    assert stream.feed(b"root") == b"root"


def test_nothing_is_held_back_for_ever() -> None:
    stream = Redactor(["password-1"]).stream()
    assert stream.feed(b"my passw") == b"my "
    assert stream.patience is not None
    assert stream.release() == [(0, MARK.encode())]
    assert stream.feed(b"ed on\n") == b"ed on\n"


def test_the_end_of_a_line_is_not_swallowed_by_a_pause() -> None:
    stream = Redactor(["password-1"]).stream()
    assert stream.feed(b"passw\r\n") == b""
    assert stream.release() == [(0, MARK.encode()), (0, b"\r\n")]
    assert stream.feed(b"ord-1.") == b"."


def test_the_end_hides_what_was_cut_short() -> None:
    stream = Redactor(["password-1"]).stream()
    stream.feed(b"my password-")
    assert stream.rest() == MARK.encode()
    assert stream.feed(b"1") == b"1"


def test_what_is_held_back_is_bounded() -> None:
    stream = Redactor(["aaaaaa"]).stream()
    came = b"".join(stream.feed(b"a" * 50) for _ in range(50)) + stream.feed(b".")
    assert came == f"{MARK}.".encode()


def test_a_secret_that_is_learnt_in_the_middle_of_itself_is_hidden() -> None:
    stream = Redactor(["abcdefgh"]).stream()
    shown = stream.feed(b"abcd")
    stream.use(Redactor(["abcdefgh", "abcdxyz"]))
    assert shown + stream.feed(b"xyz.") == f"{MARK}.".encode()


def test_each_piece_has_the_stamp_of_the_chunk_in_which_it_began() -> None:
    stream = Redactor(["secret-1"]).stream()
    assert stream.feed_at(b"login: s", 10) == [(10, b"login: ")]
    assert stream.feed_at(b"ee\n", 20) == [(10, b"s"), (20, b"ee\n")]
    assert stream.feed_at(b"sec", 30) == []
    assert stream.feed_at(b"ret-1 is it", 40) == [(30, MARK.encode()), (40, b" is it")]


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\xff\x00secre"])
def test_without_secrets_everything_passes_at_once(data: bytes) -> None:
    assert Redactor(()).stream().feed(data) == data
