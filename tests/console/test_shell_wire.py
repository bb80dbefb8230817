"""What a machine's answer is read as: the block that was sent, or nothing; never another."""

from __future__ import annotations

import base64
import hashlib
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from support.terminal import WITH_TIMES, WITHOUT_TIMES

from hil.console.shell_wire import Extent, Talk, definition, extent

TALK = Talk(b"true")
PLACES = st.lists(st.integers(0, 1000), max_size=6)


def answer(data: bytes, number: int = 7) -> bytes:
    """As the script prints it, up to its end."""
    digest = hashlib.sha256(data).hexdigest().encode()
    lines = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return b"b 7 64 0\r\n\r\n<%s %d %s  -\r\n%s\r\n" % (TALK.token.encode(), number, digest, lines)


def put_between(said: bytes, lines: tuple[bytes, ...], places: list[int]) -> bytes:
    for index, place in enumerate(sorted({place % (len(said) + 1) for place in places}, reverse=True)):
        said = said[:place] + lines[index % len(lines)] + said[place:]
    return said


@given(data=st.binary(max_size=300), places=PLACES)
def test_lines_of_the_kernel_are_taken_out(data: bytes, places: list[int]) -> None:
    assert TALK.block(put_between(answer(data), WITH_TIMES, places), 7) == data


@given(data=st.binary(max_size=300), places=PLACES)
def test_what_cannot_be_told_from_the_payload_is_never_taken_for_it(data: bytes, places: list[int]) -> None:
    assert TALK.block(put_between(answer(data), WITHOUT_TIMES, places), 7) in (data, None)


@given(data=st.binary(min_size=1, max_size=300), place=st.integers(0, 1000), byte=st.integers(0, 255))
def test_a_byte_that_was_changed_on_the_way_is_noticed(data: bytes, place: int, byte: int) -> None:
    said = bytearray(answer(data))
    said[place % len(said)] = byte
    assert TALK.block(bytes(said), 7) in (data, None)


@given(said=st.binary(max_size=400))
def test_anything_else_is_no_block(said: bytes) -> None:
    assert TALK.block(said, 7) is None
    assert TALK.block(b"<%s 7 %s" % (TALK.token.encode(), said), 7) is None


def test_the_answer_to_another_request_is_no_block() -> None:
    assert TALK.block(answer(b"old", number=6), 7) is None
    assert TALK.block(answer(b"old", number=6) + answer(b"new"), 7) == b"new"


def test_of_two_answers_to_one_request_the_one_that_is_whole_counts() -> None:
    whole = answer(b"data")
    assert TALK.block(whole[:70] + whole, 7) == b"data"
    assert TALK.block(whole + b">bro\r\nken" + whole[:70], 7) == b"data"


@given(first=st.binary(max_size=60))
def test_the_extent_of_anything_is_an_extent_or_nothing(first: bytes) -> None:
    found = extent(first)
    assert found is None or 0 < found.begin <= found.end


def test_the_extent_of_a_result() -> None:
    assert extent(b"137 3 0\nabc") == Extent(137, 8, 3, 0)
    assert extent(b"") is None


def test_the_token_is_printed_whole_and_never_typed_so() -> None:
    typed = [TALK.call("f"), *(line for _, line in TALK.bring()), TALK.run(1)[1], TALK.get(1, 0)[1], TALK.kill(1)[1]]
    assert all(TALK.token.encode() not in line for line in typed)
    # Folders are removed by their names, when nothing is awaited any more.
    assert TALK.token.encode() in TALK.sweep()


def test_the_script_is_typed_without_its_comments_in_short_lines() -> None:
    typed = definition("f").split(b"\r")
    assert typed[0] == b"f() { ("
    assert all(0 < len(line) < 120 and line[:1] not in b"# " for line in typed)


def test_no_line_is_longer_than_a_terminal_takes() -> None:
    long = Talk(bytes(range(1, 256)) * 500)
    assert all(len(line) < 4095 for _, line in long.bring())
    assert b"".join(line.split()[3] for _, line in long.bring()) == base64.b64encode(bytes(range(1, 256)) * 500)


def test_the_result_of_a_kill_is_never_that_of_a_command_that_succeeded() -> None:
    talk = Talk(b"true")
    requests = [line for _, line in (*talk.bring(), talk.run(4096))]
    number, kill = talk.kill(4096)
    script = b"\n".join([definition("f").replace(b"\r", b"\n"), talk.call("f")])
    typed = b"\n".join([*requests, kill, talk.bye(), b""])
    said = subprocess.run(["sh", "-c", script], input=typed, capture_output=True, check=True, timeout=30).stdout
    ran, killed = (talk.block(said, which) for which in (number - 1, number))
    assert ran is not None
    assert killed is not None
    assert (extent(ran), extent(killed)) == (Extent(0, 6, 0, 0), Extent(137, 8, 0, 0))
