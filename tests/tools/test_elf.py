"""What is left of an ELF program: its segments. On a program of a few bytes, and on any bytes at all."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.elf_program import PAYLOAD, program

from hil.tools.elf import NotAProgram, stripped


def test_what_is_behind_the_last_segment_goes_and_the_header_no_longer_speaks_of_it() -> None:
    left = stripped(program())
    assert left.endswith(PAYLOAD)
    assert struct.unpack_from("<Q", left, 40) == (0,)
    assert struct.unpack_from("<HH", left, 60) == (0, 0)
    whole = program()
    assert left[:40] + left[48:60] + left[64:] == whole[:40] + whole[48:60] + whole[64 : len(left)]


def test_what_is_stripped_stays_as_it_is() -> None:
    assert stripped(stripped(program())) == stripped(program())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not start like"),
        (b"\x7fELF\x01\x01".ljust(64, b"\0"), "does not start like"),
        (b"\x7fELF\x02\x01".ljust(64, b"\0"), "no program headers"),
        (program()[:100], "cut off"),
        (program(behind=b"")[:-1], "cut off"),
    ],
)
def test_what_is_no_whole_program_is_said(data: bytes, why: str) -> None:
    with pytest.raises(NotAProgram, match=why):
        stripped(data)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: program()[: len(data)] + data))
def test_any_bytes_are_a_program_or_not(data: bytes) -> None:
    try:
        left = stripped(data)
    except NotAProgram:
        return
    assert len(left) <= max(len(data), 64)


@given(st.data())
def test_a_header_with_other_numbers_is_a_program_or_not(data: st.DataObject) -> None:
    changed = bytearray(program())
    place = data.draw(st.integers(0, 119))
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        left = stripped(bytes(changed))
    except NotAProgram:
        return
    assert len(left) <= len(changed)


def test_a_real_program_runs_as_before(tmp_path: Path) -> None:
    smaller = tmp_path / "python"
    smaller.write_bytes(stripped(Path(sys.executable).resolve().read_bytes()))
    smaller.chmod(0o755)
    done = subprocess.run([smaller, "-I", "-S", "-c", "print(6 * 7)"], capture_output=True, check=False, timeout=20)
    assert done.stdout == b"42\n", done.stderr
