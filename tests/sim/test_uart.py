"""A wire bit by bit: what is heard at another speed, and over noise."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.sim.uart import flipped, levels, received

TEXT = b"[    0.000000] Booting Linux on physical CPU 0x0\r\n"


def test_a_byte_is_a_start_bit_its_bits_from_the_lowest_up_and_a_stop_bit() -> None:
    assert levels(b"\x01") == [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert levels(b"\x80") == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("sent", "at", "heard_at", "heard"),
    [
        # Twice as fast a receiver sees each bit twice: of FF the start bit, and then the first data bit as 0.
        (b"\xff", 9600, 19200, b"\xfe"),
        # 00 is nine bits of 0, eighteen of the receiver's: one byte of 0 whose stop bit is 0, and no edge after it.
        (b"\x00", 9600, 19200, b"\x00"),
        # Eight times as fast: the start bit alone is a byte, of which the last data bit is seen (9 bits of 8).
        (b"\xff", 9600, 76800, b"\x80"),
        # Half as fast a receiver sees every other bit: of 66 (0011001101 on the line) 0 1 0 1 1, and then the pause.
        (b"\x66", 19200, 9600, b"\xfd"),
        # Of 55 (0101010101) the level is 1 again in the middle of its start bit, each time: spikes, no bytes.
        (b"\x55", 19200, 9600, b""),
    ],
)
def test_what_is_heard_at_another_speed_worked_out_by_hand(sent: bytes, at: int, heard_at: int, heard: bytes) -> None:
    assert received(sent, at, heard_at) == heard


@pytest.mark.parametrize("heard", [9600, 19200, 38400, 57600, 230400, 921600])
def test_text_at_another_speed_is_no_text(heard: int) -> None:
    garbage = received(TEXT, 115200, heard)
    assert garbage
    assert sum(0x20 <= byte < 0x7F for byte in garbage) < 0.7 * len(garbage)


@settings(max_examples=unless_quick(40), deadline=None)
@given(st.binary(max_size=40), st.floats(0.97, 1.03))
def test_crystals_that_differ_by_three_percent_still_understand_each_other(data: bytes, share: float) -> None:
    assert received(data, 100_000, round(100_000 * share)) == data


@settings(max_examples=unless_quick(40), deadline=None)
@given(st.binary(max_size=40), st.integers(0, 4_000_000), st.integers(0, 4_000_000))
def test_any_two_speeds_end_with_no_more_bytes_than_the_wire_has_edges(data: bytes, sent: int, heard: int) -> None:
    assert len(received(data, sent, heard)) <= 5 * len(data)


def test_noise_flips_its_share_of_bits_the_same_ones_for_a_seed() -> None:
    data = bytes(10_000)
    noisy = flipped(data, Random(1), 0.01)

    assert sum(byte.bit_count() for byte in noisy) == pytest.approx(800, rel=0.2)
    assert noisy == flipped(data, Random(1), 0.01) != flipped(data, Random(2), 0.01)
