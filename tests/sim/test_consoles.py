"""A board's console over a pty, a TCP port and RFC 2217, on the wire; pyserial is the other side where it can be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest
import serial
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.sim.devices.rfc2217 import Rfc2217
from hil.sim.plan import BoardPlan, DevicePlan, Plan, Script
from hil.sim.script import TEXTS, Text
from hil.sim.twin import Twin

WITHIN = 15.0
PROMPT = b"/ # "


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that is at its prompt at once."""
    monkeypatch.setitem(TEXTS, "quick", Text((), prompt=PROMPT.decode()))


async def at_prompt(twin: Twin) -> None:
    """Wait until the board has started, and its script's first words are said."""
    while not twin.state()["boards"]["node1"]["running"]:  # type: ignore[index,call-overload]
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.03)


async def connected(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a server that comes back."""
    while True:
        try:
            return await asyncio.open_connection(host, port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


def with_console(tmp_path: Path, kind: str, doing: Callable[[Twin, str], Awaitable[None]]) -> None:
    """Run it with a twin of one board that is always fed, and where its console is."""
    board = BoardPlan("node1", console="uart1", actor=Script("quick"))

    async def run() -> None:
        twin = Twin(Plan(1, tmp_path, (DevicePlan("uart1", kind),), (board,)), lambda line: None)
        try:
            async with asyncio.timeout(WITHIN):
                await doing(twin, (await twin.start())["twin:uart1"])
        finally:
            await twin.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}, "a twin that is closed does nothing more"

    asyncio.run(run())


def until(port: serial.Serial, words: bytes) -> bytes:
    return bytes(port.read_until(words))


def test_a_scripted_board_boots_and_answers_over_a_pty(tmp_path: Path) -> None:
    async def doing(twin: Twin, place: str) -> None:
        with serial.Serial(place, 115200, timeout=WITHIN) as port:
            assert await asyncio.to_thread(until, port, PROMPT) == PROMPT
            port.write(b"hello\n")
            assert await asyncio.to_thread(until, port, PROMPT) == b"hello\r\n" + PROMPT

    with_console(tmp_path, "uart", doing)


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")
def test_the_speed_that_an_rfc2217_client_sets_is_that_of_the_line(tmp_path: Path) -> None:
    def talk(place: str) -> tuple[bytes, bytes]:
        with serial.serial_for_url(f"rfc2217://{place}", 115200, timeout=WITHIN) as port:
            port.write(b"\xff\n")
            right = until(port, b"\xff\r\n" + PROMPT)
            port.baudrate = 57600
            port.timeout = 0.2
            port.write(b"hello\n")
            return right, bytes(port.read(100))

    async def doing(twin: Twin, place: str) -> None:
        await at_prompt(twin)
        right, wrong = await asyncio.to_thread(talk, place)
        assert right.endswith(b"\xff\r\n" + PROMPT)
        assert b"hello" not in wrong

    with_console(tmp_path, "rfc2217", doing)


def test_a_raw_server_has_one_reader_and_is_gone_while_unplugged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def doing(twin: Twin, place: str) -> None:
        host, _, port = place.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await at_prompt(twin)  # which may be over before the server has this reader
        writer.write(b"hello\n")
        await reader.readuntil(b"hello\r\n" + PROMPT)
        second, to_second = await asyncio.open_connection(host, int(port))
        assert await second.read() == b""

        twin.fault("uart1", "unplugged", None, on=True)
        assert await reader.read() == b""
        with pytest.raises(ConnectionError):
            await asyncio.open_connection(host, int(port))

        twin.fault("uart1", "unplugged", None, on=False)
        again, to_again = await connected(host, int(port))
        to_again.write(b"hello\n")
        assert b"hello" in await again.readuntil(PROMPT)
        for each in (writer, to_second):
            each.close()

    with_console(tmp_path, "tcp", doing)
    assert caplog.records == [], "the last client was connected when the server ended"


def test_the_frames_of_rfc_2217_and_its_telnet() -> None:
    # RFC 2217, section 2 (DO/WILL COM-PORT-OPTION), and section 3 (SET-BAUDRATE and its answer, command + 100).
    server = Rfc2217(9600)
    assert bytes([255, 251, 44]) in server.connected()
    assert server.decode(bytes([255, 253, 44]))[1] == b"", "the answer to an offer is not answered again"

    assert server.decode(bytes([255, 250, 44, 1, 0, 0, 0x96, 0x00, 255, 240])) == (
        b"",
        bytes([255, 250, 44, 101, 0, 0, 0x96, 0x00, 255, 240]),
    )
    assert server.baud == 38400
    # A speed of 0 asks for the one that is set.
    asked = server.decode(bytes([255, 250, 44, 1, 0, 0, 0, 0, 255, 240]))
    assert asked == (b"", bytes([255, 250, 44, 101, 0, 0, 0x96, 0x00, 255, 240]))
    # SET-CONTROL 8, DTR on; PURGE-DATA 3, both buffers.
    assert server.decode(bytes([255, 250, 44, 5, 8, 255, 240]))[1] == bytes([255, 250, 44, 105, 8, 255, 240])
    assert server.decode(bytes([255, 250, 44, 12, 3, 255, 240]))[1] == bytes([255, 250, 44, 112, 3, 255, 240])
    # RFC 854: an option that the server does not have (31, window size) is refused; FF of the line is said twice.
    assert server.decode(bytes([255, 251, 31]))[1] == bytes([255, 254, 31])
    assert server.decode(bytes([255, 253, 31]))[1] == bytes([255, 252, 31])
    assert server.decode(bytes([255, 253, 31]))[1] == b""
    assert server.decode(b"a\xff\xffb") == (b"a\xffb", b"")
    assert server.encode(b"a\xffb") == b"a\xff\xffb"


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_hostile_bytes_in_any_pieces_are_read_alike_and_end_nothing(data: bytes, cuts: list[int]) -> None:
    whole, pieces = Rfc2217(9600), Rfc2217(9600)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    answers = [pieces.decode(data[begin:end]) for begin, end in pairwise(places)]

    assert whole.decode(data) == (b"".join(one for one, _ in answers), b"".join(other for _, other in answers))
    assert whole.baud == pieces.baud > 0


def test_a_command_that_never_ends_is_given_up() -> None:
    server = Rfc2217(9600)
    assert server.decode(bytes([255, 250, 44]) + bytes(200)) == (b"", b"")
    assert server.decode(bytes(100) + b"hello")[0].endswith(b"hello")


@settings(max_examples=unless_quick(40), deadline=None)
@given(st.binary(max_size=60))
def test_what_a_server_encodes_its_own_decoder_reads_back(data: bytes) -> None:
    assert Rfc2217(9600).decode(Rfc2217(9600).encode(data)) == (data, b"")


def test_a_client_that_goes_in_the_middle_of_a_command_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    async def doing(twin: Twin, place: str) -> None:
        host, _, port = place.partition(":")
        with socket.create_connection((host, int(port)), WITHIN) as first:
            first.sendall(bytes([255, 250, 44]))
        await at_prompt(twin)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"hello\n")
        await reader.readuntil(b"hello\r\n")
        writer.close()

    with_console(tmp_path, "rfc2217", doing)
