"""The twin's LCUS board over its pty, with pyserial as the other side."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import serial
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.twin_device import Bench, with_device

from hil.sim.devices.firmware import Firmware
from hil.sim.devices.lcus import Lcus
from hil.sim.plan import DevicePlan

# The sellers' text of the LCUS-1: "TURN ON: A0 01 01 A2", "TURN OFF: A0 01 00 A1"; of channel 2 in Diustou's wiki,
# "USB Relay PRO": A0 02 01 A3, A0 02 00 A2. FF asks; the answer is of owners' reports (protocol unconfirmed).
ON_1 = bytes.fromhex("A0 01 01 A2")
OFF_1 = bytes.fromhex("A0 01 00 A1")
ON_2 = bytes.fromhex("A0 02 01 A3")
OFF_2 = bytes.fromhex("A0 02 00 A2")
ASK = b"\xff"
LONG = 20.0
BOTH_OFF = b"CH1:OFF \r\nCH2:OFF \r\n"


def board(channels: int = 2, *, tells: bool = True) -> tuple[Lcus, Firmware]:
    firmware = Firmware(DevicePlan("relay", "lcus"), range(1, channels + 1))
    return Lcus(firmware, tells=tells), firmware


def on(firmware: Firmware) -> list[int]:
    return [channel for channel, outlet in firmware.outlets.items() if outlet.commanded]


async def answers(place: str, *exchanges: tuple[bytes, bytes]) -> None:
    """Say each of these and read as many bytes as are expected, on one open line, as a client with pyserial does.

    What a board says beyond what is expected comes as the beginning of the next answer.
    """

    def talk() -> None:
        with serial.Serial(place, 9600, timeout=LONG) as port:
            for said, expected in exchanges:
                port.write(said)
                assert port.read(len(expected)) == expected

    await asyncio.to_thread(talk)


def test_the_documented_frames_switch_and_ask(tmp_path: Path) -> None:
    async def doing(bench: Bench) -> None:
        await answers(bench.place, (ON_1 + ASK, b"CH1:ON \r\nCH2:OFF \r\n"))
        assert bench.on() == [1]
        await answers(
            bench.place,
            (ON_2 + ASK, b"CH1:ON \r\nCH2:ON \r\n"),
            (OFF_1 + ASK, b"CH1:OFF \r\nCH2:ON \r\n"),
            (OFF_2 + b"\r\n" + ASK, BOTH_OFF),
            (ASK, BOTH_OFF),
        )
        assert bench.on() == []

    with_device(tmp_path, "lcus", doing, channels=2)


def test_a_wrong_sum_and_another_channel_do_nothing_and_the_next_frame_is_done() -> None:
    codec, firmware = board()
    assert codec.feed(bytes.fromhex("A0 01 01 A3 A0 03 01 A4 A0 01 07 A8")) == []
    assert on(firmware) == []
    codec.feed(b"\xa0" + ON_2)
    assert on(firmware) == [2]
    codec.feed(bytes.fromhex("A0 02 07 A9"))
    assert on(firmware) == [2]


def test_a_board_that_never_tells(tmp_path: Path) -> None:
    codec, firmware = board(1, tells=False)
    assert codec.feed(ASK + ON_1) == []
    assert on(firmware) == [1]


def test_a_reader_at_another_speed_is_not_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    feed = Lcus.feed
    monkeypatch.setattr(Lcus, "feed", lambda self, data: [heard.append(data), feed(self, data)][1])

    async def doing(bench: Bench) -> None:
        with serial.Serial(bench.place, 115200) as port:
            port.write(ON_1 + ASK)
            while not heard:  # the speed counts when the bytes are taken
                await asyncio.sleep(0.001)
        assert heard != [ON_1 + ASK]
        assert bench.on() == []

    with_device(tmp_path, "lcus", doing, channels=2)


@settings(max_examples=unless_quick(50), deadline=None)
@given(st.lists(st.binary(max_size=9), max_size=6))
def test_whatever_came_before_a_frame_is_done(garbage: list[bytes]) -> None:
    codec, firmware = board(8)
    for piece in garbage:
        codec.feed(piece)
    codec.feed(bytes(4) + OFF_1 + ON_2)
    assert 1 not in on(firmware)
    assert 2 in on(firmware)


@pytest.mark.parametrize(("wanted", "size"), [(1, 1), (3, 4), (5, 8)])
def test_a_board_is_one_that_is_sold(tmp_path: Path, wanted: int, size: int) -> None:
    async def doing(bench: Bench) -> int:
        return len(bench.device.outlets)

    assert with_device(tmp_path, "lcus", doing, channels=wanted) == size
