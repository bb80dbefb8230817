"""What is kept of HTTP: heads, whole; never a byte of a body, however it is cut up and whatever it pretends to be."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.netboot.capture.heads import ACK, RST, SYN, Heads

CLIENT = b"\x0a\x00\x02\x0f" + b"\x0a\x00\x02\x64" + b"\xc0\x01" + b"\x1f\x90"
SERVER = CLIENT[4:8] + CLIENT[:4] + CLIENT[10:] + CLIENT[8:10]
FLOWS = {"client": CLIENT, "server": SERVER}

# Bodies that look like what a head looks like.
LURES = (
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200",
    b"GET /secret HTTP/1.1\r\n\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\nHTTP/1.1 200 OK\r\n",
    b"plain",
    b"",
)


@dataclass
class Connection:
    """One connection, as its segments pass; begins at the given sequence numbers."""

    starts: dict[str, int] = field(default_factory=lambda: {"client": 2**32 - 10, "server": 77})
    heads: Heads = field(default_factory=Heads)
    sent: dict[str, int] = field(default_factory=lambda: {"client": 1, "server": 1})

    def __post_init__(self) -> None:
        self.heads.kept(CLIENT, SYN, self.starts["client"], b"", 0, 0)
        self.heads.kept(SERVER, SYN | ACK, self.starts["server"], b"", 0, 0)

    def say(self, who: str, data: bytes, *, again: int = 0) -> bytes:
        """Send a segment, the first `again` bytes of which were sent before; what is kept of it."""
        seq = (self.starts[who] + self.sent[who] - again) % 2**32
        padded = b"before" + data + b"after"
        kept = self.heads.kept(FLOWS[who], ACK, seq, padded, 6, 6 + len(data))
        self.sent[who] += len(data) - again
        assert 0 <= kept <= len(data)
        return data[:kept]


@dataclass(frozen=True)
class Message:
    """A head and a body, and how the body's end is known."""

    head: bytes
    body: bytes
    last: bool = False


REQUEST, ANSWER = b"GET /ipxe?mac=52-54 HTTP/1.1\r\nHost: a\r\n", b"HTTP/1.1 200 OK\r\nServer: x\r\n"


def framed(start: bytes, lure: bytes, how: str) -> Message:
    if how == "length":
        return Message(start + b"content-length: %d\r\n\r\n" % len(lure), lure)
    if how == "chunked":
        half = len(lure) // 2
        chunks = [chunk for chunk in (lure[:half], lure[half:]) if chunk]
        body = b"".join(b"%x;x=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
        return Message(start + b"Transfer-Encoding: chunked\r\n\r\n", body + b"0\r\nTrailer: 1\r\n\r\n")
    if how == "lf":
        return Message((start + b"Content-Length: %d\n\n" % len(lure)).replace(b"\r\n", b"\n"), lure)
    if how == "none":
        return Message(start + b"\r\n", b"")
    return Message(start + b"Connection: close\r\n\r\n", lure, last=True)


EXCHANGES = st.lists(
    st.tuples(
        st.builds(framed, st.just(REQUEST), st.sampled_from(LURES), st.sampled_from(["length", "chunked", "none"])),
        st.builds(
            framed,
            st.just(ANSWER),
            st.sampled_from(LURES),
            st.sampled_from(["length", "chunked", "lf", "close"]),
        ),
    ),
    min_size=1,
    max_size=5,
)
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=40)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    found, number = [], 0
    while data:
        size = cuts[number % len(cuts)]
        found.append(data[:size])
        data, number = data[size:], number + 1
    return found


def say_all(connection: Connection, who: str, message: Message, cuts: list[int], repeat: int) -> None:
    """Say a message in segments, some of them twice; nothing of its body is kept."""
    at = 0
    for number, piece in enumerate(pieces(message.head + message.body, cuts)):
        kept = connection.say(who, piece)
        assert at + len(kept) <= max(at, len(message.head)), "a byte of a body was kept"
        if at < len(message.head):
            assert len(kept) == min(len(piece), len(message.head) - at), "a head was not kept whole"
        if number % repeat == 0:
            assert connection.say(who, piece, again=len(piece)) == b""
        at += len(piece)


@given(EXCHANGES, CUTS, st.integers(1, 5))
def test_heads_are_kept_whole_and_no_byte_of_a_body(
    exchanges: list[tuple[Message, Message]], cuts: list[int], repeat: int
) -> None:
    connection = Connection()
    for request, answer in exchanges:
        say_all(connection, "client", request, cuts, repeat)
        say_all(connection, "server", answer, cuts, repeat)
        if answer.last:
            break


# No method and no version of HTTP begins so.
STRANGE = st.binary(min_size=8, max_size=60).filter(lambda data: not data[:3].isalpha() and data[:7] != b"HTTP/1.")


@given(st.lists(st.tuples(st.sampled_from(["client", "server"]), STRANGE), max_size=20))
def test_bytes_that_are_no_http_are_not_kept(said: list[tuple[str, bytes]]) -> None:
    connection = Connection()
    assert [connection.say(who, data) for who, data in said] == [b""] * len(said)


def test_a_body_that_begins_like_an_answer_is_not_kept_even_in_its_own_segment() -> None:
    connection = Connection()
    assert connection.say("client", b"GET / HTTP/1.1\r\n\r\n") == b"GET / HTTP/1.1\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n"
    assert connection.say("server", head) == head
    assert connection.say("server", b"HTTP/1.1 200 OK\r\nx: secret\r\n\r\nabc") == b""
    assert connection.say("client", b"GET /2 HTTP/1.1\r\n\r\n") != b""
    assert connection.say("server", head) == head


def test_a_head_behind_the_rest_of_a_body_is_not_kept_for_the_body_would_be() -> None:
    connection = Connection()
    connection.say("client", b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
    connection.say("server", head + b"x" * 5)
    assert connection.say("server", b"x" * 5 + head) == b""


def test_an_answer_to_nobody_is_not_kept_nor_anything_after_it() -> None:
    connection = Connection()
    assert connection.say("server", b"HTTP/1.1 200 OK\r\n\r\n") == b""
    assert connection.say("client", b"GET / HTTP/1.1\r\n\r\n") != b""
    assert connection.say("server", b"HTTP/1.1 200 OK\r\n\r\n") == b""


def test_more_bytes_than_were_announced_are_not_kept() -> None:
    connection = Connection()
    connection.say("client", b"GET / HTTP/1.1\r\n\r\n")
    connection.say("server", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
    assert connection.say("server", b"HTTP/1.1 200 OK\r\n\r\n") == b""


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET /ts HTTP/1.1\r\nUpgrade: x\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        (b"CONNECT a:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
)
def test_another_protocol_after_a_head_is_not_kept(request_: bytes, answer: bytes) -> None:
    connection = Connection()
    assert connection.say("client", request_) == request_
    assert connection.say("client", b"GET /early HTTP/1.1\r\n\r\n") == b""
    assert connection.say("server", answer) == answer
    assert connection.say("server", answer) == b""


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_without_a_body_may_be_followed_by_the_next(status: bytes) -> None:
    connection = Connection()
    for _ in range(2):
        connection.say("client", b"GET / HTTP/1.1\r\n\r\n")
        head = b"HTTP/1.1 " + status + b"\r\nContent-Length: 10\r\n\r\n"
        assert connection.say("server", head) == head


def test_the_answer_to_head_has_no_body_though_it_says_how_long_it_would_be() -> None:
    connection = Connection()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    connection.say("client", b"HEAD /ipxe.efi HTTP/1.1\r\n\r\n")
    assert connection.say("server", head) == head
    connection.say("client", b"GET /ipxe.efi HTTP/1.1\r\n\r\n")
    assert connection.say("server", head) == head


def test_an_interim_answer_leaves_its_request_waiting() -> None:
    connection = Connection()
    connection.say("client", b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    for head in (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
        assert connection.say("server", head) == head


def test_two_requests_at_once_have_two_answers() -> None:
    connection = Connection()
    both = b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"
    assert connection.say("client", both) == both
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    assert connection.say("server", one + b"x" + one + b"y") == one


@pytest.mark.parametrize("length", [b"-1", b"1x", b"9" * 20, b"", b"0x10"])
def test_a_length_that_is_none_ends_what_is_kept(length: bytes) -> None:
    connection = Connection()
    connection.say("client", b"GET / HTTP/1.1\r\n\r\n")
    connection.say("server", b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n")
    connection.say("client", b"GET / HTTP/1.1\r\n\r\n")
    assert connection.say("server", b"HTTP/1.1 200 OK\r\n\r\n") == b""


def test_a_head_without_an_end_is_kept_only_so_far() -> None:
    connection = Connection()
    kept = sum(len(connection.say("client", b"GET /" + b"a" * 995)) for _ in range(40))
    assert kept <= 17_000


def test_a_connection_whose_beginning_was_not_seen_is_not_followed() -> None:
    heads = Heads()
    data = b"GET / HTTP/1.1\r\n\r\n"
    assert heads.kept(CLIENT, ACK, 1, data, 0, len(data)) == 0


def test_a_lost_segment_ends_what_is_kept_of_heads_but_not_of_what_follows_a_body() -> None:
    connection = Connection()
    connection.say("client", b"GET / HTTP/1.1\r\n\r\n")
    connection.say("server", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 10)
    connection.sent["server"] += 50  # 50 bytes of the body were never seen
    connection.say("server", b"x" * 40)
    connection.say("client", b"GET / HTTP/1.1\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
    assert connection.say("server", head) == head
    connection.sent["server"] += 60
    assert connection.say("server", head) == b""


def test_a_reset_ends_a_connection_and_the_next_one_begins_anew() -> None:
    connection = Connection()
    connection.heads.kept(SERVER, RST, 1, b"", 0, 0)
    assert connection.say("client", b"GET / HTTP/1.1\r\n\r\n") == b""
    again = Connection(heads=connection.heads)
    assert again.say("client", b"GET / HTTP/1.1\r\n\r\n") != b""


def test_many_connections_do_not_fill_the_memory() -> None:
    heads = Heads()
    for number in range(20_000):
        heads.kept(CLIENT[:8] + number.to_bytes(4, "big"), SYN, 0, b"", 0, 0)
    assert len(heads._sides) <= 2 * 4096
