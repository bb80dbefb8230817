"""The drivers of Modbus coils, against pymodbus's own server, and their bytes as a board's maker prints them."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.framer import FramerRTU
from support import modbus_server
from support.pty_board import PtyBoard

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.power import exchange, modbus_rtu, modbus_tcp
from hil.power.modbus import CoilPort, Trace
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent, PowerState

# Waveshare's wiki page "Modbus RTU Relay", chapter on the protocol; the same frames in brucetsao/Industry4_Gateway,
# Arduino_Control_RS485_Coil.ino.
WRITES = {
    (0, True): "01 05 00 00 FF 00 8C 3A",
    (0, False): "01 05 00 00 00 00 CD CA",
    (1, True): "01 05 00 01 FF 00 DD FA",
    (3, False): "01 05 00 03 00 00 3D CA",
}
READS = bytes.fromhex("01 01 00 00 00 08 3D CC")
READS_ON, READS_OFF = bytes.fromhex("01 01 01 01 90 48"), bytes.fromhex("01 01 01 00 51 88")

# Waveshare's wiki page "Modbus POE ETH Relay (B)", with the transaction identifier, which counts, cut off.
TCP_WRITES = {
    (0, True): "00 00 00 06 01 05 00 00 FF 00",
    (0, False): "00 00 00 06 01 05 00 00 00 00",
    (1, True): "00 00 00 06 01 05 00 01 FF 00",
}


def soon() -> Deadline:
    return Deadline.after(5.0)


def rtu(path: str, channel: int = 0) -> CoilPort:
    return modbus_rtu.create(modbus_rtu.Config(kind="modbus-rtu", device=path, channel=channel))


def tcp(at: str, channel: int = 0, framing: Literal["tcp", "rtu"] = "tcp") -> CoilPort:
    return modbus_tcp.create(modbus_tcp.Config(kind="modbus-tcp", at=at, channel=channel, framing=framing))


def checked(body: bytes) -> bytes:
    """With the checksum of the serial line specification, so that what is in it is looked at."""
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


class Script:
    """A line whose answers are there at once, and whose silence is over at once: no patience plays a part.

    Args:
        answers: one for each connection, which has one question; b"" for none.
    """

    is_open = True

    def __init__(self, *answers: bytes) -> None:
        self.heard: list[bytes] = []
        self._answers = list(answers)
        self._left: bytes | None = None

    @contextmanager
    def connect(self, seen: Trace, deadline: Deadline) -> Iterator[ModbusSerialClient]:
        client = ModbusSerialClient("line", timeout=60, retries=0, trace_packet=seen)
        client.socket, self._left = self, None
        yield client

    @property
    def in_waiting(self) -> int:
        if self._left == b"":
            raise ModbusIOException("nothing more comes")
        return len(self._left or b"")

    def read(self, size: int) -> bytes:
        data, self._left = (self._left or b"")[:size], (self._left or b"")[size:]
        return data

    def write(self, data: bytes) -> int:
        self.heard.append(data)
        self._left = self._answers.pop(0)
        return len(data)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that stalls makes no question be asked twice."""
    monkeypatch.setattr(exchange, "ANSWER_WITHIN", 5.0)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ANSWER_WITHIN", 0.06)


@pytest.mark.parametrize(("channel", "on"), WRITES)
def test_the_frames_are_those_of_the_wiki(channel: int, on: bool) -> None:
    frame = bytes.fromhex(WRITES[channel, on])
    with closing(PtyBoard(lambda heard: heard if len(heard) == 8 else b"")) as board:
        rtu(board.path, channel).switch(on, deadline=soon())
        assert board.heard == frame


@pytest.mark.parametrize(("answer", "state"), [(READS_ON, PowerState.ON), (READS_OFF, PowerState.OFF)])
def test_the_answers_of_the_wiki_are_understood(answer: bytes, state: PowerState) -> None:
    with closing(PtyBoard(lambda heard: answer if len(heard) == 8 else b"")) as board:
        assert rtu(board.path).read(deadline=soon()) is state
        assert board.heard == READS


def test_the_frames_over_tcp_are_those_of_the_wiki() -> None:
    with modbus_server.tcp() as seen:
        for channel, on in TCP_WRITES:
            tcp(seen.at, channel).switch(on, deadline=soon())
        assert [packet[2:] for packet in seen.heard] == [bytes.fromhex(frame) for frame in TCP_WRITES.values()]


def test_a_serial_lines_frames_over_tcp() -> None:
    with modbus_server.tcp(FramerType.RTU) as seen:
        port = tcp(seen.at, framing="rtu")
        port.switch(True, deadline=soon())
        assert port.read(deadline=soon()) is PowerState.ON
        assert seen.heard == [bytes.fromhex(WRITES[0, True]), READS]


def test_a_board_of_four_coils_is_asked_for_one() -> None:
    def four(heard: bytes) -> bytes:
        if len(heard) < 8:
            return b""
        return checked(b"\x01\x81\x02") if heard[5] == 8 else READS_ON

    with closing(PtyBoard(four)) as board:
        assert rtu(board.path, 3).read(deadline=soon()) is PowerState.ON
        assert board.heard == READS + checked(bytes.fromhex("01 01 00 03 00 01"))


def test_a_late_answer_for_our_coil_is_not_taken_for_one_about_eight() -> None:
    """It comes when the next question has come, whichever that is; coil 0 of eight is on in it, coil 3 is not."""
    line = Script(checked(b"\x01\x81\x02"), b"", READS_ON)
    assert CoilPort("coil", line.connect, 1, 3).read(deadline=soon()) is PowerState.ON
    alone = checked(bytes.fromhex("01 01 00 03 00 01"))
    assert line.heard == [READS, alone, alone]


@pytest.mark.parametrize("reach", ["rtu", "tcp"])
def test_switches_and_reads_back_with_pymodbus_as_the_other_side(reach: str) -> None:
    server, port = (modbus_server.rtu, rtu) if reach == "rtu" else (modbus_server.tcp, tcp)
    with server() as seen:
        second, third = port(seen.at, 1), port(seen.at, 2)
        assert second.read(deadline=soon()) is PowerState.OFF
        second.switch(True, deadline=soon())
        assert (second.read(deadline=soon()), third.read(deadline=soon())) == (PowerState.ON, PowerState.OFF)
        second.switch(False, deadline=soon())
        assert second.read(deadline=soon()) is PowerState.OFF
        with pytest.raises(PortRefused, match="illegal data address"):
            port(seen.at, 99).switch(True, deadline=soon())
        asked = len(seen.heard)
        assert asked == 7


def test_a_wrong_checksum_is_garbled_after_three_tries_and_another_coil_is_no_success() -> None:
    write = bytes.fromhex(WRITES[0, True])
    line = Script(*[write[:7] + bytes((write[7] ^ 1,))] * 3)
    with pytest.raises(PortGarbled, match="no frame for us with a right checksum"):
        CoilPort("coil", line.connect, 1, 0).switch(True, deadline=soon())
    assert line.heard == [write] * 3
    with (
        closing(PtyBoard(lambda heard: bytes.fromhex(WRITES[1, True]) if len(heard) == 8 else b"")) as board,
        pytest.raises(PortGarbled, match="coil 1 is now"),
    ):
        rtu(board.path).switch(True, deadline=soon())


def test_a_lost_answer_and_a_busy_device_are_asked_again() -> None:
    write = bytes.fromhex(WRITES[0, True])
    line = Script(b"", checked(b"\x01\x85\x06"), write)  # lost, busy, done
    CoilPort("coil", line.connect, 1, 0).switch(True, deadline=soon())
    assert line.heard == [write] * 3


@pytest.mark.usefixtures("hurried")
def test_a_device_that_is_silent_or_not_there() -> None:
    with (
        closing(PtyBoard(lambda heard: b"")) as board,
        pytest.raises(PortSilent, match=r"coil 0 of device 1 on /dev/pts/.* did not answer"),
    ):
        rtu(board.path).read(deadline=soon())
    with pytest.raises(PortAbsent, match="nothing takes a connection"):
        tcp("127.0.0.1:9").read(deadline=soon())


def test_a_line_in_use_is_waited_for_until_the_deadline() -> None:
    with closing(PtyBoard(lambda heard: READS_ON)) as board:
        other = os.open(board.path, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(PortAbsent, match="is held by"):
            rtu(board.path).read(deadline=Deadline.after(0.05))
        os.close(other)
        assert rtu(board.path).read(deadline=soon()) is PowerState.ON


class Said:
    """A line on which certain bytes come after each question."""

    is_open = True

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._left = b""

    @property
    def in_waiting(self) -> int:
        return len(self._left)

    def read(self, size: int) -> bytes:
        data, self._left = self._left[:size], self._left[size:]
        return data

    def write(self, data: bytes) -> int:
        self._left = self._answer
        return len(data)


@given(st.binary(max_size=20) | st.binary(max_size=6).map(lambda more: checked(b"\x01\x01" + more)))
@example(checked(b"\x01\x01\x00"))
@example(READS_ON)
@example(bytes.fromhex("01 81 02 C1 91"))
@settings(max_examples=25, deadline=None)
def test_no_answer_makes_more_than_a_state_or_an_error(answer: bytes) -> None:
    @contextmanager
    def connect(seen: Trace, deadline: Deadline) -> Iterator[ModbusSerialClient]:
        client = ModbusSerialClient("line", timeout=0.01, retries=0, trace_packet=seen)
        client.socket = Said(answer)
        yield client

    try:
        state = CoilPort("coil", connect, 1, 0).read(deadline=Deadline.after(0))
    except (PortSilent, PortGarbled, PortRefused):
        return
    assert state is (PowerState.ON if answer[3] & 1 else PowerState.OFF)


def test_without_pymodbus_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymodbus", None)
    with pytest.raises(InfrastructureError) as caught:
        rtu("/dev/null")
    assert "hil[bench]" in caught.value.hint


def test_rigs_take_coils() -> None:
    assert [t.name for t in modbus_rtu.Config(kind="modbus-rtu", device="/dev/null", channel=3).things()] == [
        "/dev/null:1:3"
    ]
    assert [t.name for t in modbus_tcp.Config(kind="modbus-tcp", at="192.0.2.9", channel=3).things()] == [
        "192.0.2.9:502:1:3"
    ]
    assert modbus_tcp.Config(kind="modbus-tcp", at="twin:coils", channel=3).things() == ()
