"""The twin's Modbus boards: the frames of the specification and of two makers, and pymodbus as the other side."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import serial
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from support.examples import unless_quick
from support.twin_device import Bench, with_device

from hil.sim.devices.firmware import Firmware
from hil.sim.devices.modbus import Coils, firmware_of
from hil.sim.devices.modbus_line import RtuCodec, crc
from hil.sim.plan import DevicePlan


def board(channels: int = 0, address: int = 1) -> tuple[RtuCodec, Firmware]:
    firmware = firmware_of(DevicePlan("relay", "modbus-rtu", {"channels": channels}))
    return RtuCodec(Coils(firmware), address), firmware


def said(codec: RtuCodec, frame: str) -> str:
    return b"".join(answer.data for answer in codec.feed(bytes.fromhex(frame))).hex(" ").upper()


def on(firmware: Firmware) -> list[int]:
    return [channel for channel, outlet in firmware.outlets.items() if outlet.commanded]


def test_waveshares_frames() -> None:
    # Waveshare's wiki, "Modbus RTU Relay", "Development Protocol": control, read, all.
    codec, firmware = board()
    for frame, expected in (
        ("01 05 00 00 FF 00 8C 3A", [0]),
        ("01 05 00 01 FF 00 DD FA", [0, 1]),
        ("01 05 00 00 00 00 CD CA", [1]),
        ("01 05 00 FF FF 00 BC 0A", list(range(8))),
    ):
        assert said(codec, frame) == frame, "the answer to a write is the write"
        assert on(firmware) == expected
    for coil in range(1, 8):
        firmware.switch(coil, False)
    assert said(codec, "01 01 00 00 00 08 3D CC") == "01 01 01 01 90 48"
    firmware.switch(0, False)
    assert said(codec, "01 01 00 00 00 08 3D CC") == "01 01 01 00 51 88"


def test_lc_techs_frames_for_eight_at_once() -> None:
    # LC Technology's text for its boards at address 255, as printed in a review of one.
    codec, firmware = board(address=255)
    assert said(codec, "FF 0F 00 00 00 08 01 FF 30 1D") == "FF 0F 00 00 00 08 41 D3"
    assert on(firmware) == list(range(8))
    assert said(codec, "FF 0F 00 00 00 08 01 00 70 5D") == "FF 0F 00 00 00 08 41 D3"
    assert on(firmware) == []
    assert said(codec, "FF 05 00 00 FF 00 99 E4") == "FF 05 00 00 FF 00 99 E4"


def test_the_examples_of_the_specification() -> None:
    # MODBUS Application Protocol Specification V1.1b3, 6.1, 6.5 and 6.11: coils 20-38 read, 173 on, 20-29 written.
    firmware = firmware_of(DevicePlan("relay", "modbus-tcp", {"channels": 0xAC}))
    coils = Coils(firmware)

    def said(request: str) -> str:
        answer = coils.answer(bytes.fromhex(request))
        return "" if answer is None else answer.data.hex(" ").upper()

    assert said("05 00 AC FF 00") == "05 00 AC FF 00"
    assert on(firmware) == [0xAC]
    assert said("0F 00 13 00 0A 02 CD 01") == "0F 00 13 00 0A"
    assert said("01 00 13 00 0A") == "01 02 CD 01"
    for place, bits in enumerate(bytes.fromhex("CD 6B 05")):
        for bit in range(8):
            if place * 8 + bit < 0x13:
                firmware.switch(0x13 + place * 8 + bit, bool(bits >> bit & 1))
    assert said("01 00 13 00 13") == "01 03 CD 6B 05"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("03 00 00 00 01", "83 01"),
        ("01 00 08 00 01", "81 02"),
        ("01 00 07 00 02", "81 02"),
        ("01 00 00 00 00", "81 03"),
        ("05 00 00 12 34", "85 03"),
        ("0F 00 00 00 08 02 FF FF", "8F 03"),
        ("05 00", "85 03"),
    ],
)
def test_what_cannot_be_done_is_an_exception(request_: str, answer: str) -> None:
    found = Coils(firmware_of(DevicePlan("relay", "modbus-tcp"))).answer(bytes.fromhex(request_))
    assert found is not None
    assert found.data.hex(" ").upper() == answer


def test_a_wrong_sum_and_another_address_are_ignored_and_a_broadcast_is_not_answered() -> None:
    codec, firmware = board()
    assert said(codec, "01 05 00 00 FF 00 8C 3B") == ""
    assert said(codec, "02 05 00 00 FF 00 8C 09") == ""
    assert on(firmware) == []
    frame = bytes.fromhex("00 05 00 02 FF 00")
    assert codec.feed(frame + crc(frame)) == []
    assert on(firmware) == [2]


def test_pymodbus_over_a_line(tmp_path: Path) -> None:
    def talk(place: str) -> None:
        with ModbusSerialClient(place, baudrate=9600, timeout=1) as client:
            assert client.write_coil(3, True, device_id=1).isError() is False
            assert client.read_coils(0, count=8, device_id=1).bits == [False, False, False, True, *[False] * 4]
            assert client.read_holding_registers(0, count=1, device_id=1).exception_code == 1

    async def doing(bench: Bench) -> None:
        await asyncio.to_thread(talk, bench.place)
        assert bench.on() == [3]

    with_device(tmp_path, "modbus-rtu", doing, channels=3)


@pytest.mark.parametrize("kind", ["modbus-rtu", "modbus-tcp"])
def test_half_a_frame_is_forgotten_after_a_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    good = bytes.fromhex("01 05 00 00 FF 00 8C 3A")
    forgotten = threading.Event()
    forget = RtuCodec.forget
    monkeypatch.setattr(RtuCodec, "forget", lambda codec: (forget(codec), forgotten.set()))

    def talk(place: str) -> bytes:
        port = serial.serial_for_url(place if kind == "modbus-rtu" else f"socket://{place}", 9600, timeout=5)
        with port:
            port.write(bytes.fromhex("01 0F 00 00"))
            port.flush()
            assert forgotten.wait(5)
            port.write(good)
            return bytes(port.read(len(good)))

    async def doing(bench: Bench) -> None:
        assert await asyncio.to_thread(talk, bench.place) == good

    with_device(tmp_path, kind, doing, framing="rtu")


@pytest.mark.parametrize(("framing", "framer"), [("tcp", FramerType.SOCKET), ("rtu", FramerType.RTU)])
def test_pymodbus_over_tcp(tmp_path: Path, framing: str, framer: FramerType) -> None:
    def talk(place: str) -> None:
        host, _, port = place.partition(":")
        with ModbusTcpClient(host, port=int(port), framer=framer, timeout=1) as client:
            assert client.write_coils(0, [True, False, True], device_id=1).isError() is False
            assert client.read_coils(0, count=3, device_id=1).bits[:3] == [True, False, True]

    async def doing(bench: Bench) -> None:
        await asyncio.to_thread(talk, bench.place)
        assert bench.on() == [0, 2]

    with_device(tmp_path, "modbus-tcp", doing, framing=framing)


def test_headers_over_tcp(tmp_path: Path) -> None:
    # MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3 and 4.2 for the header; the unit is 255 there.
    async def doing(bench: Bench) -> None:
        host, _, port = bench.place.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for asked, answered in (
            ("15 01 00 00 00 06 FF 03 00 04 00 01", "15 01 00 00 00 03 FF 83 01"),
            ("15 02 00 00 00 06 01 05 00 07 FF 00", "15 02 00 00 00 06 01 05 00 07 FF 00"),
            ("15 03 00 00 00 06 09 05 00 07 FF 00", "15 03 00 00 00 03 09 85 0B"),
        ):
            writer.write(bytes.fromhex(asked))
            assert (await reader.readexactly(len(bytes.fromhex(answered)))).hex(" ").upper() == answered
        writer.write(bytes.fromhex("15 04 00 01 00 06 01 05 00 00 FF 00"))
        assert await reader.read() == b""
        writer.close()

    with_device(tmp_path, "modbus-tcp", doing)


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.lists(st.binary(max_size=12), max_size=6), st.binary(min_size=1, max_size=12))
def test_a_good_frame_after_garbage_and_silence_is_done(garbage: list[bytes], request: bytes) -> None:
    codec, firmware = board()
    for piece in garbage:
        codec.feed(piece)
    codec.forget()
    assert said(codec, "01 05 00 04 FF 00 CD FB") == "01 05 00 04 FF 00 CD FB"
    assert 4 in on(firmware)
    answer = Coils(firmware).answer(request)
    assert answer is not None
    assert len(answer.data) >= 2
