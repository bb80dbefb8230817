"""The transcript: bytes and stamps of all incarnations, and text that is safe to print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.console.stream import Chunk
from hil.console.transcript import Transcript, printable


def grown(*chunks: tuple[int, int, bytes]) -> Transcript:
    transcript = Transcript()
    for stamp, incarnation, data in chunks:
        transcript.append(Chunk(stamp, incarnation, transcript.end, data))
    return transcript


def test_it_keeps_the_bytes_of_all_incarnations() -> None:
    transcript = grown((10, 1, b"abc"), (20, 1, b"de"), (30, 1, b""), (40, 2, b"fg"))
    assert (transcript.incarnation, transcript.incarnation_start, transcript.end) == (2, 5, 7)
    assert transcript.bytes(0, 7) == b"abcdefg"
    assert transcript.bytes(4, 6) == b"ef"
    assert transcript.bytes(7, 99) == transcript.bytes(3, 3) == b""
    assert [transcript.stamp_at(place) for place in range(7)] == [10, 10, 10, 20, 20, 40, 40]
    assert bytes(transcript.current.data) == b"fg"
    assert not transcript.ended


@pytest.mark.parametrize("offset", [-1, 5, 99])
def test_there_is_no_stamp_without_a_byte(offset: int) -> None:
    with pytest.raises(IndexError):
        grown((10, 1, b"abcde")).stamp_at(offset)


def test_an_empty_chunk_ends_an_incarnation() -> None:
    transcript = grown((10, 1, b"abc"), (20, 1, b""))
    assert transcript.ended
    assert transcript.tail(5) == ["abc"]


def test_a_gap_is_kept_apart() -> None:
    transcript = grown((10, 1, b"abc"))
    transcript.append(Chunk(20, 1, 10, b"de"))
    assert (transcript.current.start, transcript.incarnation_start, transcript.end) == (10, 0, 12)
    assert transcript.bytes(0, 12) == b"abcde"


@pytest.mark.parametrize(("moment", "offset"), [(9, 0), (10, 3), (19, 3), (20, 5), (40, 7), (41, 7)])
def test_it_knows_where_what_came_after_a_moment_begins(moment: int, offset: int) -> None:
    transcript = grown((10, 1, b"abc"), (20, 1, b"de"), (30, 1, b""), (40, 2, b"fg"))
    assert transcript.offset_after(moment) == offset


@pytest.mark.parametrize("chunk", [Chunk(1, 1, 2, b"x"), Chunk(1, 0, 3, b"x")])
def test_chunks_out_of_order_are_refused(chunk: Chunk) -> None:
    with pytest.raises(ValueError, match="after 1/3"):
        grown((10, 1, b"abc")).append(chunk)


CHUNKS = st.lists(st.tuples(st.integers(0, 1 << 60), st.integers(0, 2), st.binary(max_size=8)), max_size=20)


@given(CHUNKS, st.integers(0, 200), st.integers(0, 200))
def test_bytes_are_those_that_were_appended(chunks: list[tuple[int, int, bytes]], start: int, end: int) -> None:
    incarnation = 1
    transcript, whole, stamps = Transcript(), b"", []
    for stamp, step, data in chunks:
        incarnation += step == 2
        transcript.append(Chunk(stamp, incarnation, transcript.end, data))
        whole += data
        stamps += [stamp] * len(data)
    assert transcript.bytes(start, end) == whole[start:end]
    assert [transcript.stamp_at(place) for place in range(len(whole))] == stamps


def test_the_tail_is_the_last_lines_that_hold_something() -> None:
    transcript = grown((1, 1, b"one\r\n\r\ntwo\r\n" + b"x" * 9000 + b"\r\nthree\r\nprompt# "))
    assert transcript.tail(2) == ["three", "prompt# "]
    assert [len(line) for line in transcript.tail(3)] == [512, 5, 8]
    assert Transcript().tail(3) == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[2J\x1b[01;01H\x1b[=3habc\r\n", "abc\n"),
        (b"\x1b[0m\x1b[37m\x1b[40miPXE\x1b]0;title\x07!", "iPXE!"),
        (b"kernel... 10%\b\b\b20%\b\b\bok\r\n", "kernel... ok%\n"),
        (b"old\rnew\r\r\n", "new\n"),
        (b"\b\bx\x00\x07y", "x\ufffd\ufffdy"),
        (b"caf\xc3\xa9 \xff \xe2\x80\xae", "caf\xe9 \ufffd \ufffd"),
        (b"\x1b", "\ufffd"),
        (b"\x9b2J", "\ufffd2J"),
        ("\x9b2J".encode(), "\ufffd2J"),
        ("\u061c\u200b\ufeff\ue000\u07b2".encode(), "\ufffd" * 5),
    ],
)
def test_printable_text_shows_what_a_terminal_would(raw: bytes, shown: str) -> None:
    assert printable(raw) == shown.replace("ok%", "ok")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_printable_text_commands_no_terminal(raw: bytes) -> None:
    assert all(character in "\n\t" or character.isprintable() for character in printable(raw))
