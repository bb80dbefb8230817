"""Bytes of another speed told from text: over a UART's bits, for pairs of speeds; and text that is not ASCII."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import NANOSECONDS, now_ns
from hil.console import garble
from hil.console.garble import LEAST, Legibility, looks_garbled
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.sim.uart import received

SPEEDS = (9600, 57600, 115200, 460800, 1500000)
ENGLISH = b"".join(
    b"[%5d.%06d] random: crng init done; audit: type=2000 state=initialized res=1\r\n" % (n, n * 7919 % 1000000)
    for n in range(60)
)
GERMAN = "\x1b[1mGrüße aus Köln\x1b[0m: schöne Bücher, überall\r\n".encode() * 60


def lines(data: bytes) -> list[bytes]:
    """As a machine sends them: a pause after each."""
    return [line + b"\r\n" for line in data.split(b"\r\n")]


@pytest.mark.parametrize(("sent", "heard"), list(itertools.permutations(SPEEDS, 2)))
def test_another_speed_is_seen_in_any_bytes_of_it(sent: int, heard: int) -> None:
    for text in (ENGLISH, GERMAN):
        once = b"".join(received(line, sent, heard) for line in lines(text))
        data = once * (LEAST // len(once) + 1)
        assert all(looks_garbled(data[at : at + LEAST]) for at in range(0, len(data) - LEAST + 1, 251))


@pytest.mark.parametrize(
    ("text", "times"),
    [(ENGLISH, 1), (GERMAN, 60), ("日本語のコンソール出力です。\r\n".encode() * 40, 40)],
    ids=["en", "de", "ja"],
)
def test_text_is_text_wherever_it_is_cut(text: bytes, times: int) -> None:
    """What is so many times the same line is cut in the first one: in the next the pieces are the same."""
    for size in (LEAST, 1024):
        starts = range(min(len(text) - size, len(text) // times))
        assert starts
        assert not any(looks_garbled(text[at : at + size]) for at in starts)


@given(st.binary(max_size=LEAST - 1))
def test_of_few_bytes_nothing_is_said(data: bytes) -> None:
    assert not looks_garbled(data)


@given(st.binary(min_size=LEAST, max_size=2000))
def test_whatever_comes_is_judged(data: bytes) -> None:
    assert looks_garbled(data) in (True, False)


def heard_since(seconds: float, data: bytes, *, incarnation: int = 2) -> Transcript:
    transcript = Transcript()
    transcript.append(Chunk(now_ns() - round(seconds * NANOSECONDS), incarnation, 0, data))
    return transcript


def test_a_console_is_judged_when_it_has_spoken_for_long_enough() -> None:
    noise = received(ENGLISH, 115200, 57600)
    assert Legibility(heard_since(garble._PATIENCE + 1, noise), after=1).garbled() == len(noise)
    assert Legibility(heard_since(0, noise), after=1).garbled() == 0
    assert Legibility(heard_since(60, noise), after=2).garbled() == 0, "what a former boot said"
    assert Legibility(heard_since(60, noise[: LEAST - 1]), after=1).garbled() == 0


def test_a_console_that_was_text_once_may_say_anything_later() -> None:
    transcript = heard_since(60, ENGLISH)
    legibility = Legibility(transcript, after=1)
    assert legibility.garbled() == 0
    transcript.append(Chunk(now_ns(), 2, transcript.end, bytes(range(128, 256)) * 40))
    assert legibility.garbled() == 0
