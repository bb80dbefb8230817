"""The TFTP client against a server that scapy speaks for, over a wire that loses, doubles and delays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.tftp import (
    TFTP,
    TFTP_ACK,
    TFTP_DATA,
    TFTP_ERROR,
    TFTP_OACK,
    TFTP_RRQ,
    TFTP_Option,
    TFTP_Options,
)
from scapy.packet import NoPayload, Packet
from support.examples import unless_quick
from support.rom_wire import MAC, SERVER_MAC, Wire, run_in_its_time, seconds, udp

from hil.clock import Deadline
from hil.sim.rom import tftp, tftp_message
from hil.sim.rom.pace import Pace
from hil.sim.rom.port import Address, Datagram, Port, Socket
from hil.sim.rom.tftp import Fetched, NoAnswer, NotFound, Refused, get, probe
from hil.sim.rom.tftp_message import Answer, Data

SERVER, BOARD = "10.0.2.100", "10.0.2.11"
NAME = "10c2a4b7/config.txt"


@dataclass
class Transfer:
    """One of a server's, to one port of the board."""

    data: bytes
    board: int
    size: int = 512
    sent: int = 0


@dataclass
class Server:
    """Answers each frame, and says nothing by itself: the board is who says things again.

    Args:
        files: by name.
        options: whether it knows any.
        block_count: after how many blocks their numbers begin with 0.
    """

    files: dict[str, bytes]
    options: bool = True
    block_count: int = 65536
    transfers: dict[int, Transfer] = field(default_factory=dict)
    errors: list[tuple[int, bytes]] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)

    def answer(self, frame: Packet) -> Iterable[Packet]:
        board, port = frame[UDP].sport, frame[UDP].dport
        message = TFTP(bytes(frame[UDP].payload)[: frame[UDP].len - 8])
        if port == 69:
            yield self._begin(message, board)
        elif TFTP_ERROR in message:
            self.errors.append((message[TFTP_ERROR].errorcode, message[TFTP_ERROR].errormsg))
            self.transfers.pop(port, None)
        elif port in self.transfers and TFTP_ACK in message:
            self.acknowledged.append(message[TFTP_ACK].block)
            yield from self._block(port, message[TFTP_ACK].block)

    def _begin(self, message: Packet, board: int) -> Packet:
        wanted = {each.oname.decode(): each.value.decode() for each in options_of(message)}
        port = 50000 + len(self.transfers) + len(self.errors)
        data = self.files.get(message[TFTP_RRQ].filename.decode())
        if data is None:
            return said(port, board, TFTP(op=5) / TFTP_ERROR(errorcode=1, errormsg=b"file not found"))
        transfer = self.transfers[port] = Transfer(data, board)
        if not self.options or not wanted:
            return next(iter(self._block(port, 0)))
        taken = {"tsize": str(len(data))} if "tsize" in wanted else {}
        if "blksize" in wanted:
            taken["blksize"] = wanted["blksize"]
            transfer.size = int(wanted["blksize"])
        options = [TFTP_Option(oname=name.encode(), value=value.encode()) for name, value in taken.items()]
        return said(port, board, TFTP(op=6) / TFTP_OACK() / TFTP_Options(options=options))

    def _block(self, port: int, done: int) -> Iterable[Packet]:
        """What follows a block. Numbers repeat: it is the last block of that number that the board may mean."""
        transfer = self.transfers[port]
        count = len(transfer.data) // transfer.size + 1
        true = max((n for n in range(done, transfer.sent + 1, self.block_count)), default=0)
        if true < count:
            transfer.sent = max(transfer.sent, true + 1)
            data = transfer.data[true * transfer.size :][: transfer.size]
            yield said(port, transfer.board, TFTP(op=3) / TFTP_DATA(block=(true + 1) % self.block_count) / data)


def options_of(message: Packet) -> list[Packet]:
    return [] if isinstance(message[TFTP_RRQ].payload, NoPayload) else list(message[TFTP_Options].options)


def said(port: int, board: int, message: Packet, ip: str = SERVER) -> Packet:
    return udp(ip, port, BOARD, board, bytes(message))


class Rough(Wire):
    """A wire that does with each datagram, either way, what is next in a list, and behaves at its end.

    Args:
        server: at its other end.
        fates: "lost", "twice", "late" or "well".
    """

    def __init__(self, server: Server, fates: Iterable[str]) -> None:
        super().__init__(self._pass, {SERVER: SERVER_MAC})
        self._server = server
        self._fates = iter(fates)
        self._held: list[Packet] = []

    def _pass(self, frame: Packet) -> Iterable[Packet]:
        for copy in self._fated(frame):
            for answer in self._server.answer(copy):
                yield from self._fated(answer)
        held, self._held = self._held, []
        yield from (each for each in held if each.dst == MAC)
        for each in held:
            if each.dst != MAC:
                yield from self._server.answer(each)

    def _fated(self, frame: Packet) -> list[Packet]:
        fate = next(self._fates, "well")
        if fate == "late":
            self._held.append(frame)
        return {"lost": [], "late": [], "twice": [frame, frame]}.get(fate, [frame])


def play(wire: Wire, *, size: int | None = 8, probed: bool = False, speed: float = 1.0) -> Fetched | int | str | None:
    """What became of one file: its bytes, or what was raised."""

    async def doing() -> Fetched | int | str | None:
        async with Port(wire, MAC, Pace(speed)) as port:
            port.address = Address(BOARD, "255.255.255.0")
            try:
                if probed:
                    return await probe(port, SERVER, NAME, blksize=1024)
                return await get(port, SERVER, NAME, blksize=size)
            except (NotFound, NoAnswer, Refused) as error:
                return f"{type(error).__name__}: {error} at {seconds():g} s"

    return run_in_its_time(doing())


def on(server: Server) -> Wire:
    return Wire(server.answer, {SERVER: SERVER_MAC})


@settings(max_examples=unless_quick(60), deadline=None)
@given(
    st.binary(max_size=50),
    st.lists(st.sampled_from(["well", "lost", "twice", "late"]), max_size=14),
    st.booleans(),
)
def test_a_file_comes_whole_over_any_wire_that_gets_better(data: bytes, fates: list[str], options: bool) -> None:
    got = play(Rough(Server({NAME: data}, options), fates), size=8 if options else 512)
    assert isinstance(got, Fetched), got
    assert got == Fetched(data, negotiated=options)


def test_a_block_that_comes_twice_is_acknowledged_twice() -> None:
    twice = Server({NAME: b"x" * 20})
    # The request, its answer, the first acknowledgement, and a first block that comes two times.
    assert play(Rough(twice, ["well", "well", "well", "twice"])) == Fetched(b"x" * 20, negotiated=True)
    assert twice.acknowledged[:3] == [0, 1, 1]


class Endless:
    """A transfer whose server has blocks of 8 bytes without an end, in a wire's 16 bits each, until it stops."""

    def __init__(self, blocks: int) -> None:
        self.numbers = iter(range(1, blocks + 1))
        self.acknowledged: list[int] = []

    async def answer(self) -> Answer:
        number = next(self.numbers, None)
        if number is None:
            raise NoAnswer
        return Data(number % 65536, b"8 bytes " * 64)

    def say(self, data: bytes) -> None:
        self.acknowledged.append(int.from_bytes(data[2:], "big"))

    send = say

    def progress(self) -> None:
        pass


def test_after_65535_blocks_no_further_one_is_the_next() -> None:
    transfer = Endless(65540)
    with pytest.raises(NoAnswer):
        asyncio.run(tftp._read(cast(tftp._Transfer, transfer), None))
    # Those after them have numbers of long ago, but for the 0, which no block has.
    assert transfer.acknowledged == [*range(1, 65536), 1, 2, 3, 4]


@pytest.mark.parametrize("size", ["9", "000008999", "-8", "8" * 1400, "\u0668"])
def test_a_size_of_a_block_that_is_none_is_refused(size: str) -> None:
    options = TFTP_Options(options=[TFTP_Option(oname=b"blksize", value=size.encode())])

    def accepts(frame: Packet) -> list[Packet]:
        return [said(50000, frame[UDP].sport, TFTP(op=6) / TFTP_OACK() / options)] if frame[UDP].dport == 69 else []

    assert str(play(Wire(accepts, {SERVER: SERVER_MAC}))).startswith("Refused: blksize ")


@pytest.mark.parametrize("size", ["", "many", "9" * 1400])
def test_a_size_of_a_file_that_is_none_is_not_told(size: str) -> None:
    options = TFTP_Options(options=[TFTP_Option(oname=b"tsize", value=size.encode())])

    def accepts(frame: Packet) -> list[Packet]:
        return [said(50000, frame[UDP].sport, TFTP(op=6) / TFTP_OACK() / options)] if frame[UDP].dport == 69 else []

    assert play(Wire(accepts, {SERVER: SERVER_MAC}), probed=True) == 0


def test_a_block_that_is_too_long_is_not_acknowledged() -> None:
    server = Server({NAME: b"x" * 20})

    def answers(frame: Packet) -> Iterable[Packet]:
        for answer in server.answer(frame):
            if frame[UDP].dport != 69 and server.acknowledged[-1] == 1 and len(server.acknowledged) == 2:
                yield said(frame[UDP].dport, frame[UDP].sport, TFTP(op=3) / TFTP_DATA(block=2) / (b"y" * 9))
            else:
                yield answer

    wire = Wire(answers, {SERVER: SERVER_MAC})
    assert play(wire) == Fetched(b"x" * 20, negotiated=True)
    # It says again what it had said last, when nothing that fits has come for two seconds.
    assert server.acknowledged == [0, 1, 1, 2, 3]


class Flooded:
    """A socket that always has somebody's first block, half a second after the last one."""

    def __init__(self, source: str) -> None:
        self.at = 0
        self._source = source

    async def recv(self, deadline: Deadline) -> Datagram:
        self.at += 500_000_000
        return Datagram(SERVER_MAC, self._source, 50000, b"\0\3\0\1" + bytes(512))

    def send(self, data: bytes, to: str, port: int) -> None:
        pass


@pytest.mark.parametrize("source", [SERVER, "10.0.2.99"])
def test_who_says_one_thing_for_ever_is_left_after_its_time(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    socket = Flooded(source)
    monkeypatch.setattr("hil.clock.now_ns", lambda: socket.at)
    port = Port(Wire(), MAC, Pace(1))
    transfer = tftp._Transfer(port, cast(Socket, socket), SERVER, NAME, within=30.0)
    with pytest.raises(NoAnswer):
        asyncio.run(tftp._read(transfer, None))
    assert socket.at == 30_000_000_000


def test_options_that_come_once_more_in_the_middle_begin_nothing() -> None:
    server = Server({NAME: b"x" * 20})
    accepted: list[Packet] = []

    def answers(frame: Packet) -> Iterable[Packet]:
        answers = list(server.answer(frame))
        if frame[UDP].dport == 69:
            accepted.extend(answers)
        elif server.acknowledged[-1] == 0:
            answers += accepted
        yield from answers

    assert play(Wire(answers, {SERVER: SERVER_MAC})) == Fetched(b"x" * 20, negotiated=True)
    assert server.acknowledged == [0, 1, 2, 3]


def test_a_request_has_its_options_in_a_boards_order() -> None:
    server = Server({NAME: b"word"})
    wire = on(server)
    play(wire, size=1468)
    request = bytes(wire.said[1][1][UDP].payload)
    assert request.startswith(b"\0\1" + NAME.encode() + b"\0octet\0tsize\x000\0blksize\x001468\0")
    assert (wire.said[1][1][IP].dst, wire.said[1][1][UDP].sport, wire.said[1][1][UDP].dport) == (SERVER, 49152, 69)
    assert tftp_message.read_request("bootcode.bin", tsize=False, blksize=None) == b"\0\1bootcode.bin\0octet\0"


def test_a_probe_breaks_off_and_leaves_nothing_open() -> None:
    server = Server({NAME: b"x" * 5000})
    assert play(on(server), probed=True) == 5000
    assert (server.errors, server.transfers) == ([(0, b"Early terminate")], {})
    assert play(on(Server({})), probed=True) is None
    plain = Server({NAME: b"x" * 5000}, options=False)
    assert play(on(plain), probed=True) == 0
    assert plain.errors == [(0, b"Early terminate")]


def test_a_server_without_options_sends_blocks_of_512_and_that_is_told() -> None:
    assert play(on(Server({NAME: b"x" * 1024}, options=False)), size=1468) == Fetched(b"x" * 1024, negotiated=False)


def test_what_a_server_refuses_is_told_in_its_words() -> None:
    def refuse(frame: Packet) -> list[Packet]:
        error = TFTP(op=5) / TFTP_ERROR(errorcode=2, errormsg=b"Access violation")
        return [said(50000, frame[UDP].sport, error)]

    def oversized(frame: Packet) -> list[Packet]:
        options = TFTP_Options(options=[TFTP_Option(oname=b"blksize", value=b"9000")])
        return [said(50000, frame[UDP].sport, TFTP(op=6) / TFTP_OACK() / options)] if frame[UDP].dport == 69 else []

    def paint(frame: Packet) -> list[Packet]:
        error = TFTP(op=5) / TFTP_ERROR(errorcode=3, errormsg=b"\x1b[2Jfull\nready {}\xff")
        return [said(50000, frame[UDP].sport, error)]

    assert play(on(Server({}))) == "NotFound: file not found at 0 s"
    assert play(Wire(paint, {SERVER: SERVER_MAC})) == "Refused: ?[2Jfull?ready {}\ufffd at 0 s"
    assert play(Wire(refuse, {SERVER: SERVER_MAC})) == "Refused: Access violation at 0 s"
    wire = Wire(oversized, {SERVER: SERVER_MAC})
    assert play(wire) == "Refused: blksize '9000', after 8 was asked for at 0 s"
    assert TFTP(bytes(wire.said[-1][1][UDP].payload))[TFTP_ERROR].errorcode == 8


def test_a_silent_server_is_asked_every_2_s_for_30_s() -> None:
    wire = Wire(neighbours={SERVER: SERVER_MAC})
    assert play(wire) == f"NoAnswer: {SERVER} does not answer for {NAME} at 30 s"
    assert [at for at, packet in wire.said if UDP in packet] == [2.0 * again for again in range(15)]
    assert play(Wire()) == f"NoAnswer: nobody answers ARP for {SERVER} at 4 s"
    # At full speed a real server on a busy computer still has time for an answer.
    assert play(Wire(neighbours={SERVER: SERVER_MAC}), speed=0) == (
        f"NoAnswer: {SERVER} does not answer for {NAME} at 1.875 s"
    )


def test_another_transfer_is_turned_away_and_another_sender_not_heard() -> None:
    server = Server({NAME: b"the file"})

    def answers(frame: Packet) -> Iterable[Packet]:
        board = frame[UDP].sport
        foreign = TFTP(op=3) / TFTP_DATA(block=1) / b"not it"
        if frame[UDP].dport == 69:
            yield said(60000, board, foreign, ip="10.0.2.99")
        yield from server.answer(frame)
        if frame[UDP].dport == 69:
            yield said(60001, board, foreign)

    wire = Wire(answers, {SERVER: SERVER_MAC})
    assert play(wire, size=512) == Fetched(b"the file", negotiated=True)
    assert server.errors == [(5, b"Unknown transfer ID")]
    assert [packet[UDP].dport for _, packet in wire.said if UDP in packet and packet[UDP].dport > 60000] == [60001]


@settings(max_examples=unless_quick(60))
@given(st.binary(max_size=40), st.integers(0, 8))
def test_no_answer_raises(data: bytes, kind: int) -> None:
    tftp_message.parse(data)
    answer = tftp_message.parse(bytes([0, kind]) + data)
    assert answer is None or kind in (3, 5, 6)
