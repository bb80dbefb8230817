"""The driver of LCUS boards: its bytes as sellers and users write them, and what it makes of boards that fail."""

from __future__ import annotations

import os
import termios
import tty
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.pty_board import Answer, PtyBoard

from hil.clock import Deadline, hold
from hil.power import exchange, lcus, line
from hil.power.lcus import Config, create, frame, parse_status
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent, PowerState

# NOYITO, "5V 2-Channel Micro USB Relay Module" (manual); the same in the seller's text of its 8-channel module.
FRAMES = {
    (1, True): "A0 01 01 A2",
    (1, False): "A0 01 00 A1",
    (2, True): "A0 02 01 A3",
    (2, False): "A0 02 00 A2",
    (8, True): "A0 08 01 A9",
    (8, False): "A0 08 00 A8",
}
WITHIN = 5.0


class Board:
    """Two relays, with the answers of github.com/OkeWoke/AscomSwitchDriver's board: "CH1:OFF \\r\\nCH2:OFF \\r\\n"."""

    def __init__(self) -> None:
        self.on = {1: False, 2: False}
        self.deaf = 0

    def __call__(self, heard: bytes) -> bytes:
        while len(heard) >= 4 and heard[0] == 0xA0:
            if self.deaf:
                self.deaf -= 1
            elif heard[3] == sum(heard[:3]) & 0xFF:
                self.on[heard[1]] = bool(heard[2])
            heard = heard[4:]
        return self.status() if heard.endswith(b"\xff") else b""

    def status(self) -> bytes:
        return "".join(f"CH{n}:{'ON ' if on else 'OFF'} \r\n" for n, on in self.on.items()).encode()


@pytest.fixture
def plugged() -> Iterator[Callable[[Answer], PtyBoard]]:
    with ExitStack() as stack:

        def plug(answer: Answer) -> PtyBoard:
            board = PtyBoard(answer)
            stack.callback(board.close)
            return board

        yield plug


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that stalls makes no question be asked twice."""
    monkeypatch.setattr(exchange, "ANSWER_WITHIN", WITHIN)


def config(path: str, channel: int = 1, status: bool = True) -> Config:
    return Config(kind="lcus", device=path, channel=channel, status=status)


def soon() -> Deadline:
    return Deadline.after(WITHIN)


@pytest.mark.parametrize(("channel", "on"), FRAMES)
def test_the_frames_are_those_that_sellers_print(channel: int, on: bool) -> None:
    assert frame(channel, on) == bytes.fromhex(FRAMES[channel, on])


@pytest.mark.parametrize(
    ("answer", "states"),
    [
        (b"CH1:OFF \r\nCH2:OFF \r\n", {1: False, 2: False}),  # OkeWoke/AscomSwitchDriver, README
        (b"CH1:ON \r\nCH2:ON \r\nCH3:OFF\r\nCH4:OFF\r\n", {1: True, 2: True, 3: False, 4: False}),  # NOYITO's manual
        (b"CH1: ON\r\nCH2: OFF\r\n", {1: True, 2: False}),  # Brasme/usb_ch340_4x_relay_control, ch340_relay.py
        (bytes.fromhex("0101010100000000"), dict.fromkeys(range(1, 5), True) | dict.fromkeys(range(5, 9), False)),
    ],
)
def test_the_answers_are_those_that_users_saw(answer: bytes, states: dict[int, bool]) -> None:
    assert parse_status(answer) == states


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"CH1:OFF",
        b"CH1:OFF \r\nCH2:",
        b"CH2:OFF \r\n",
        b"CH1:OFF \r\nCH1:ON \r\n",
        b"CH1:AUS \r\n",
        b"\x02",
        b"\xff",
    ],
)
def test_what_is_no_whole_answer_is_none(answer: bytes) -> None:
    assert parse_status(answer) is None


@given(st.binary(max_size=60) | st.text("CH12:ONF \r\n", max_size=60).map(str.encode))
@example(b"CH1:ON\n")
@settings(max_examples=unless_quick(60))
def test_the_parser_takes_any_bytes_and_cuts_nothing_short(answer: bytes) -> None:
    states = parse_status(answer)
    if states is not None:
        assert list(states) == list(range(1, len(states) + 1))
        assert len(answer) >= len(states)


@pytest.mark.usefixtures("unhurried")
def test_switches_and_reads_back(plugged: Callable[[Answer], PtyBoard]) -> None:
    relays = Board()
    board = plugged(relays)
    port, other = create(config(board.path, 2)), create(config(board.path, 1))
    assert port.read(deadline=soon()) is PowerState.OFF
    assert port.switch(True, deadline=soon()) is PowerState.ON
    assert (port.read(deadline=soon()), other.read(deadline=soon())) == (PowerState.ON, PowerState.OFF)
    assert relays.on == {1: False, 2: True}
    assert board.heard == bytes.fromhex("FF A0 02 01 A3 FF FF FF")


def test_a_lost_frame_is_said_again(plugged: Callable[[Answer], PtyBoard]) -> None:
    relays = Board()
    relays.deaf = 1
    create(config(plugged(relays).path)).switch(True, deadline=soon())
    assert relays.on[1]


@pytest.mark.usefixtures("unhurried")
def test_what_came_before_the_question_is_no_answer(plugged: Callable[[Answer], PtyBoard]) -> None:
    board = plugged(Board())
    board.says(b"CH1:ON \r\nCH2:ON \r\n")
    assert create(config(board.path)).read(deadline=soon()) is PowerState.OFF
    assert board.heard == b"\xff"


def test_a_board_that_never_does_it_is_no_success(plugged: Callable[[Answer], PtyBoard]) -> None:
    relays = Board()
    relays.deaf = 9
    with pytest.raises(PortGarbled, match="says that it is not"):
        create(config(plugged(relays).path)).switch(True, deadline=soon())


class Script:
    """A line on which the same comes after each question, and then nothing: no patience plays a part."""

    def __init__(self, answer: bytes) -> None:
        self.heard = b""
        self._answer = answer
        self._left = b""

    @contextmanager
    def held(self, device: str, settings: line.Settings, *, deadline: Deadline) -> Iterator[Script]:
        yield self

    def send(self, data: bytes, *, deadline: Deadline) -> None:
        self.heard += data
        self._left = self._answer

    def receive(self, *, deadline: Deadline) -> bytes:
        data, self._left = self._left, b""
        return data


def test_a_silent_board_is_unverified_only_where_the_rig_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Script(b"")
    monkeypatch.setattr(lcus, "held", board.held)
    with pytest.raises(PortSilent, match="did not answer") as caught:
        create(config("/dev/null")).read(deadline=soon())
    assert "status: false" in caught.value.hint
    assert board.heard == b"\xff" * 3
    mute = create(config("/dev/null", status=False))
    assert mute.switch(True, deadline=soon()) is PowerState.UNKNOWN
    assert mute.read(deadline=soon()) is PowerState.UNKNOWN
    assert not mute.reads_back
    assert board.heard == b"\xff" * 3 + frame(1, True)


def test_silence_on_a_real_line_is_waited_for_as_long_as_one_try_says(
    plugged: Callable[[Answer], PtyBoard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "ANSWER_WITHIN", 0.02)
    with pytest.raises(PortSilent, match=r"did not answer within 0\.02 s"):
        create(config(plugged(lambda heard: b"").path)).read(deadline=soon())


def test_half_an_answer_is_garbled_and_a_missing_channel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    two, half = Script(Board().status()), Script(b"CH1:O")
    monkeypatch.setattr(lcus, "held", two.held)
    with pytest.raises(PortRefused, match="has the channels 1, 2"):
        create(config("/dev/null", channel=4)).read(deadline=soon())
    assert two.heard == b"\xff"
    monkeypatch.setattr(lcus, "held", half.held)
    with pytest.raises(PortGarbled, match="no state: b'CH1:O"):
        create(config("/dev/null")).read(deadline=soon())
    assert half.heard == b"\xff" * 3


def test_two_rigs_take_turns(plugged: Callable[[Answer], PtyBoard]) -> None:
    relays = Board()
    path = plugged(relays).path

    def cycle(channel: int) -> None:
        for on in (True, False, True):
            create(config(path, channel)).switch(on, deadline=soon())

    with ThreadPoolExecutor() as pool:
        list(pool.map(cycle, (1, 2)))
    assert relays.on == {1: True, 2: True}


def test_a_line_that_another_program_keeps_names_it(plugged: Callable[[Answer], PtyBoard]) -> None:
    path = plugged(Board()).path
    with Popen(["flock", "--no-fork", path, "sh", "-c", "echo locked; exec sleep 60"], stdout=PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        named, until = Path(f"/proc/{other.pid}/comm"), soon()
        while named.read_text() != "sleep\n" and not until.expired:  # it is "sh" until it has become the other
            hold(0.01)
        with pytest.raises(PortAbsent, match=rf"{path} is held by .*sleep \(pid {other.pid}\)"):
            create(config(path)).read(deadline=Deadline.after(0.05))
        other.kill()


def test_a_board_that_is_unplugged_while_it_is_asked() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(create(config(os.ttyname(slave))).read, deadline=soon())
        assert os.read(master, 1) == b"\xff"
        os.close(slave)
        os.close(master)
        with pytest.raises(PortAbsent, match="went away while it was used"):
            asked.result()


def test_modem_lines_do_not_move_when_the_line_is_let_go(plugged: Callable[[Answer], PtyBoard]) -> None:
    path = plugged(Board()).path
    watching = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        as_usual = termios.tcgetattr(watching)
        as_usual[2] |= termios.HUPCL
        termios.tcsetattr(watching, termios.TCSANOW, as_usual)
        create(config(path)).read(deadline=soon())
        assert not termios.tcgetattr(watching)[2] & termios.HUPCL
    finally:
        os.close(watching)


def test_a_board_that_is_not_there() -> None:
    with pytest.raises(PortAbsent, match="No such file"):
        create(config("/dev/serial/by-id/usb-none")).read(deadline=soon())


def test_rigs_take_channels_and_the_twin_nothing() -> None:
    assert [thing.name for thing in config("/dev/null", 2).things()] == ["/dev/null:2"]
    assert config("twin:relay").things() == ()
