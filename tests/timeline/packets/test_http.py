"""HTTP is told from heads and sequence numbers alone: each case whole and cut as a capture cuts, in any segments."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.netboot.capture.heads import Heads
from hil.timeline.packets.headers import ACK, FIN, RST, SYN, Segment, reverse
from hil.timeline.packets.http import Connections, Exchange
from hil.timeline.packets.stamps import Stamp

ASK = b"GET /ipxe?mac=a HTTP/1.1\r\nHost: 10.0.2.100:8080\r\nUser-Agent: iPXE/1.21\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@dataclass
class Wire:
    """One TCP connection of a client with a server, as a capture keeps it."""

    cut: bool = True
    client_next: int = 2**32 - 20
    server_next: int = 7
    connections: Connections = field(default_factory=Connections)
    heads: Heads = field(default_factory=Heads)
    sent: int = 0
    flow: bytes = socket.inet_aton("10.0.2.15") + socket.inet_aton("10.0.2.100") + b"\x80\0\x1f\x90"

    def open(self) -> Wire:
        self.segment(SYN, by_client=True)
        self.segment(SYN | ACK)
        return self

    def ask(self, data: bytes = ASK, size: int = 1460) -> None:
        self.stream(data, by_client=True, size=size)

    def answer(self, data: bytes, size: int = 1460) -> None:
        self.stream(data, by_client=False, size=size)

    def stream(self, data: bytes, *, by_client: bool, size: int) -> None:
        for at in range(0, len(data), size):
            self.segment(ACK, data[at : at + size], by_client=by_client)

    def segment(self, flags: int, data: bytes = b"", *, by_client: bool = False, back: int = 0) -> None:
        """Send what comes next, or what began `back` bytes ago once more."""
        self.sent += 1
        seq = ((self.client_next if by_client else self.server_next) - back) % 2**32
        flow = self.flow if by_client else reverse(self.flow)
        carries = bool(data or flags & (SYN | RST))
        kept = self.heads.kept(flow, flags, seq, data, 0, len(data)) if self.cut and carries else len(data)
        self.connections.take(Segment(flow, flags, seq, len(data), 0, kept), data, Stamp(self.sent, 0))
        moved = 0 if back else len(data) + bool(flags & (SYN | FIN))
        if by_client:
            self.client_next = (self.client_next + moved) % 2**32
        else:
            self.server_next += moved

    @property
    def all(self) -> list[Exchange]:
        return self.connections.all

    @property
    def only(self) -> Exchange:
        [exchange] = self.all
        return exchange


@pytest.fixture(params=[True, False], ids=["cut", "full"])
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(cut=request.param).open()


def said(exchange: Exchange) -> tuple[int | None, int | None, int, str]:
    return exchange.status, exchange.length, exchange.bytes, exchange.outcome


def test_a_request_and_its_answer(wire: Wire) -> None:
    wire.ask()
    asked = wire.sent
    wire.answer(OK % 5000 + bytes(5000))
    one = wire.only
    assert (one.client, one.server, one.method, one.target) == ("10.0.2.15", "10.0.2.100:8080", "GET", "/ipxe?mac=a")
    assert (one.host, one.user_agent) == ("10.0.2.100:8080", "iPXE/1.21")
    assert said(one) == (200, 5000, 5000, "done")
    assert (one.begun.at_ns, one.answered, one.ended) == (asked, Stamp(asked + 1, 0), Stamp(wire.sent, 0))


@given(
    asks=st.integers(1, 90), answers=st.integers(1, 90), bodies=st.lists(st.integers(0, 150), min_size=1, max_size=3)
)
def test_in_any_segments_it_is_the_same(asks: int, answers: int, bodies: list[int]) -> None:
    """Several requests on one connection, each after the answer to the one before."""
    for cut in (True, False):
        wire = Wire(cut=cut).open()
        for length in bodies:
            wire.ask(size=asks)
            wire.answer(OK % length + b"HTTP/1.1 404 no\r\n\r\n"[:length].ljust(length, b"x"), size=answers)
        assert [said(one) for one in wire.all] == [(200, length, length, "done") for length in bodies]


def test_a_matchbox_that_has_nothing(wire: Wire) -> None:
    wire.ask()
    wire.answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n404 page not found\n")
    assert said(wire.only) == (404, 19, 19, "done")


def test_what_is_sent_again_counts_once(wire: Wire) -> None:
    wire.ask()
    wire.segment(ACK, ASK, by_client=True, back=len(ASK))
    wire.answer(OK % 3000 + bytes(1500))
    wire.segment(ACK, bytes(700), back=700)
    wire.segment(ACK, b"\0", back=1)
    wire.answer(bytes(1500))
    assert said(wire.only) == (200, 3000, 3000, "done")
    assert wire.only.retransmissions == 2


def test_a_segment_that_is_half_new(wire: Wire) -> None:
    wire.ask()
    wire.answer(OK % 1000 + bytes(600))
    wire.segment(ACK, bytes(300), back=200)
    assert said(wire.only) == (200, 1000, 700, "open")


@pytest.mark.parametrize(("flags", "outcome"), [(FIN | ACK, "cut short"), (RST, "reset")])
@pytest.mark.parametrize(
    ("answer", "told"), [(OK % 1000 + bytes(600), (200, 1000, 600)), (b"", (None, None, 0)), (OK[:9], (None, None, 0))]
)
def test_a_connection_that_ends_too_early(
    wire: Wire, flags: int, outcome: str, answer: bytes, told: tuple[int | None, ...]
) -> None:
    wire.ask()
    wire.answer(answer)
    wire.segment(flags)
    assert said(wire.only) == (*told, outcome)
    assert wire.only.ended == Stamp(wire.sent, 0)


def test_a_client_that_gives_up(wire: Wire) -> None:
    wire.ask()
    wire.answer(OK % 1000 + bytes(600))
    wire.segment(RST, by_client=True)
    assert said(wire.only) == (200, 1000, 600, "reset")


def test_an_end_after_the_answer_changes_nothing(wire: Wire) -> None:
    wire.ask()
    wire.answer(OK % 5 + b"abcde")
    wire.segment(FIN | ACK, by_client=True)
    wire.segment(FIN | ACK)
    wire.segment(RST, by_client=True)
    assert said(wire.only) == (200, 5, 5, "done")


def test_an_answer_without_a_length_ends_with_the_connection(wire: Wire) -> None:
    wire.ask()
    wire.answer(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(3000))
    assert said(wire.only) == (200, None, 3000, "open")
    wire.segment(FIN | ACK)
    assert said(wire.only) == (200, None, 3000, "done")


def test_a_chunked_answer_has_no_length(wire: Wire) -> None:
    wire.ask()
    wire.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.answer(b"a\r\n0123456789\r\n")
    wire.answer(b"0\r\n\r\n")
    wire.ask()
    wire.answer(OK % 4 + b"abcd")
    assert [said(one) for one in wire.all] == [(200, None, 20, "done"), (200, 4, 4, "done")]


def test_heads_alone(wire: Wire) -> None:
    wire.ask(ASK.replace(b"GET", b"HEAD"))
    wire.answer(OK % 5000)
    wire.ask()
    wire.answer(b"HTTP/1.1 100 Continue\r\n\r\n")
    wire.answer(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")
    assert [said(one) for one in wire.all] == [(200, 5000, 0, "done"), (304, 9, 0, "done")]


def test_a_request_with_a_body(wire: Wire) -> None:
    wire.ask(b"POST /a HTTP/1.1\r\nContent-Length: 2000\r\n\r\n" + b"GET /no HTTP/1.1\r\n\r\n".ljust(2000))
    wire.answer(OK % 0)
    wire.ask()
    assert [(one.method, one.outcome) for one in wire.all] == [("POST", "done"), ("GET", "open")]


def test_a_body_of_more_than_4_gib_of_sequence_numbers(wire: Wire) -> None:
    """They begin again after 4 GiB; here they do so in the middle of a small body."""
    wire.server_next = 2**32 - 40
    wire.segment(SYN, by_client=True)
    wire.segment(SYN | ACK)
    wire.ask()
    wire.answer(OK % 3000 + bytes(3000))
    assert said(wire.only) == (200, 3000, 3000, "done")


def test_the_same_ports_are_another_connection(wire: Wire) -> None:
    wire.ask()
    wire.answer(OK % 9 + bytes(3))
    wire.client_next, wire.server_next = 1000, 2**31
    wire.open()
    wire.ask()
    wire.answer(OK % 4 + b"abcd")
    assert [said(one) for one in wire.all] == [(200, 9, 3, "open"), (200, 4, 4, "done")]


def test_tls_is_no_http(wire: Wire) -> None:
    wire.ask(b"\x16\x03\x01\x02\0\1\0" + bytes(300))
    wire.answer(b"\x16\x03\x03" + bytes(3000))
    assert wire.all == []


def test_a_capture_that_began_in_the_middle() -> None:
    wire = Wire(cut=False)
    wire.answer(bytes(100))
    wire.ask()
    wire.answer(OK % 4 + b"abcd")
    assert said(wire.only) == (200, 4, 4, "done")


@given(
    steps=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from([0, ACK, SYN, SYN | ACK, FIN | ACK, RST]),
            st.sampled_from([b"", ASK, OK % 5, b"abc", ASK[:20], OK[:12]]) | st.binary(max_size=30),
            st.integers(0, 40),
        ),
        max_size=12,
    ),
    cut=st.booleans(),
)
def test_any_segments_are_no_crash(steps: list[tuple[bool, int, bytes, int]], cut: bool) -> None:
    wire = Wire(cut=cut)
    for by_client, flags, data, back in steps:
        wire.segment(flags, data, by_client=by_client, back=back)
    for one in wire.all:
        assert one.outcome in ("done", "open", "reset", "cut short")
        assert one.length is None or one.bytes <= max(one.length, sum(len(data) for _, _, data, _ in steps))


def test_two_answers_in_one_segment(wire: Wire) -> None:
    """Of the second, a capture that cuts has no head."""
    wire.ask()
    wire.ask()
    wire.answer(OK % 4 + b"abcd" + OK % 3 + b"abc")
    first, second = map(said, wire.all)
    assert first == (200, 4, 4, "done")
    assert second == ((None, None, 0, "open") if wire.cut else (200, 3, 3, "done"))


def test_a_chunked_answer_that_also_names_a_length(wire: Wire) -> None:
    wire.ask()
    wire.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n")
    wire.answer(b"a\r\n0123456789\r\n0\r\n\r\n")
    # Its last chunk is in a segment with another, so a capture that cuts does not have it.
    assert said(wire.only) == (200, None, 20, "open" if wire.cut else "done")
    wire.segment(FIN | ACK)
    assert said(wire.only) == (200, None, 20, "done")


def test_a_syn_that_comes_again_begins_nothing() -> None:
    wire = Wire(cut=False).open()
    wire.ask()
    wire.segment(SYN, by_client=True, back=len(ASK) + 1)
    wire.answer(OK % 4 + b"abcd")
    assert said(wire.only) == (200, 4, 4, "done")
