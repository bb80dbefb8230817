"""HTTP/1.x exchanges on the TCP connections of one wire, told from heads and sequence numbers: bodies are not there.

A head is looked for where one may begin, in what was kept of a segment (RFC 9112, 2 to 4 and 6.3); how much of a body
came is how far the sequence numbers went (RFC 9293, 3.4). What is not HTTP, as TLS, has no head and no exchange.
A wire that is captured where the machine is attached shows segments in order; one out of order counts as sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hil.timeline.packets.headers import FIN, RST, SYN, Segment, ends_of, plain, reverse, with_port
from hil.timeline.packets.stamps import Stamp

METHODS: Final = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")
_ANSWER: Final = b"HTTP/1."
_MAX_HEAD: Final = 16 << 10
_SEQUENCE: Final = 1 << 32
_NO_BODY: Final = frozenset((204, 304))
_LAST_CHUNK: Final = b"0\r\n\r\n"


@dataclass(slots=True)
class Exchange:
    """One request and its answer.

    Args:
        begun: when the request's head was sent.
        client: address.
        server: address and port.
        method: as "GET".
        target: as it stands in the request.
        host: the Host field.
        user_agent: the User-Agent field.
        answered: when the answer's first byte was sent.
        ended: when its last byte was.
        status: as 200.
        length: of the body as the answer tells it (Content-Length).
        bytes: of the body that were on the wire, each once; of a chunked one with its chunks' sizes.
        retransmissions: segments of either side that came once more meanwhile.
        outcome: "done", "open", "reset", or "cut short" by the connection's end.
    """

    begun: Stamp
    client: str
    server: str
    method: str
    target: str
    host: str | None
    user_agent: str | None
    answered: Stamp | None = None
    ended: Stamp | None = None
    status: int | None = None
    length: int | None = None
    bytes: int = 0
    retransmissions: int = 0
    outcome: str = "open"


@dataclass(slots=True)
class _Side:
    """One direction of a connection.

    `base` is the sequence number of its first byte, `top` how many bytes it has sent, `expect` after how many the
    next head begins (None: unknown), `part` the beginning of a head.
    """

    talk: _Talk
    base: int
    is_client: bool | None
    top: int = 0
    expect: int | None = 0
    part: bytes = b""
    part_begun: Stamp | None = None
    ended: bool = False


@dataclass(slots=True)
class _Talk:
    """Both directions: the exchanges whose answers are awaited, and the one whose body comes."""

    waiting: list[Exchange] = field(default_factory=list)
    current: Exchange | None = None
    body_from: int = 0
    chunked: bool = False


class Connections:
    """The connections of one wire, and the exchanges on them in the order in which they began."""

    def __init__(self) -> None:
        self.all: list[Exchange] = []
        self._sides: dict[bytes, _Side] = {}

    def take(self, segment: Segment, data: bytes, stamp: Stamp) -> None:
        """Take in one segment.

        Args:
            segment: whose places are in `data`.
            data: what holds it.
            stamp: when it was sent.
        """
        flow, flags, seq, length, start, end = segment
        side = self._sides.get(flow)
        if flags & SYN:
            side = self._begun(flow, seq, side)
            seq += 1
        elif side is None:
            if flags & (FIN | RST):
                return
            side = self._begun(flow, seq - 1, None)
        if flags & RST:
            _over(side.talk, "reset", stamp)
            self._sides.pop(flow, None)
            self._sides.pop(reverse(flow), None)
            return
        at = (seq - side.base - side.top) % _SEQUENCE
        at = side.top + (at - _SEQUENCE if at >= _SEQUENCE // 2 else at)
        if length:
            self._carried(side, flow, at, length, data[start:end], stamp)
        if flags & FIN and at + length >= side.top and not side.ended:
            side.ended = True
            if side.is_client is False:
                _over(side.talk, "cut short", stamp)

    def _begun(self, flow: bytes, seq: int, known: _Side | None) -> _Side:
        """The direction whose SYN has this sequence number: a new one unless that SYN was seen before."""
        base = (seq + 1) % _SEQUENCE
        if known is not None and known.base == base:
            return known
        other = self._sides.get(reverse(flow))
        if known is not None or other is None:
            talk = _Talk()
            self._sides.pop(reverse(flow), None)
        else:
            talk = other.talk
        client = None if other is None or other.is_client is None else not other.is_client
        self._sides[flow] = side = _Side(talk, base, None if known is not None else client)
        return side

    def _carried(self, side: _Side, flow: bytes, at: int, length: int, kept: bytes, stamp: Stamp) -> None:
        talk, last = side.talk, at + length
        if last <= side.top:
            # One byte that was there before asks only whether the other side is there (RFC 9293, 3.8.4).
            if length > 1 and (meant := talk.current or next(iter(talk.waiting), None)) is not None:
                meant.retransmissions += 1
            return
        kept = kept[side.top - at :] if at < side.top else kept
        at = max(at, side.top)
        side.top = last
        while True:
            if talk.current is not None and side.is_client is False:
                _came(talk, side, last, kept, stamp)
            if side.expect is not None and side.expect >= last:
                return
            head_at = at if side.expect is None else max(side.expect, at)
            taken = self._head(side, flow, kept[head_at - at :], head_at, stamp)
            if not taken:
                return
            kept, at = kept[head_at - at + taken :], head_at + taken
            if at >= last and talk.current is None:
                return

    def _head(self, side: _Side, flow: bytes, kept: bytes, at: int, stamp: Stamp) -> int:
        """Take in what may be a head or its continuation; how many bytes of `kept` end one, or 0."""
        whole = side.part + kept
        if not _begins(whole, METHODS if side.is_client is not False else (_ANSWER,)):
            side.part, side.expect = b"", None
            return 0
        if not side.part:
            side.part_begun = stamp
        end = _blank_line(whole)
        if end < 0:
            side.part = whole if len(whole) <= _MAX_HEAD else b""
            side.expect = side.top if side.part else None
            return 0
        taken, side.part = end - len(side.part), b""
        first, fields = _read(whole[:end])
        begun = side.part_begun or stamp
        if side.is_client is False:
            self._answer(side, first, fields, at + taken, begun, stamp)
        else:
            self._request(side, flow, first, fields, begun)
            body = _number(fields.get("content-length", b""))
            side.expect = None if "transfer-encoding" in fields else at + taken + (body or 0)
        return taken

    def _request(self, side: _Side, flow: bytes, first: bytes, fields: dict[str, bytes], begun: Stamp) -> None:
        method, _, rest = first.partition(b" ")
        client, _, server, port = ends_of(flow)
        host, agent = fields.get("host"), fields.get("user-agent")
        exchange = Exchange(
            begun,
            client,
            with_port(server, port),
            plain(method),
            plain(rest.rpartition(b" ")[0] or rest),
            None if host is None else plain(host),
            None if agent is None else plain(agent),
        )
        side.is_client = True
        other = self._sides.get(reverse(flow))
        if other is not None:
            other.is_client = False
        if side.talk.current is not None:
            _finish(side.talk, side.talk.current.ended or begun)
        self.all.append(exchange)
        side.talk.waiting.append(exchange)

    def _answer(
        self, side: _Side, first: bytes, fields: dict[str, bytes], body_from: int, begun: Stamp, stamp: Stamp
    ) -> None:
        talk, status = side.talk, _number(first[9:12])
        side.expect = body_from
        if not talk.waiting or (status is not None and 100 <= status < 200 and status != 101):
            return
        exchange = talk.waiting.pop(0)
        exchange.answered, exchange.status = begun, status
        talk.current, talk.body_from = exchange, body_from
        talk.chunked = "transfer-encoding" in fields
        # A body that is chunked has no other length (RFC 9112, 6.3).
        exchange.length = None if talk.chunked else _number(fields.get("content-length", b""))
        exchange.ended = stamp
        if exchange.method == "HEAD" or status in _NO_BODY:
            _finish(talk, stamp)
        elif exchange.length is None:
            side.expect = None
        else:
            side.expect = body_from + exchange.length


def _came(talk: _Talk, side: _Side, last: int, kept: bytes, stamp: Stamp) -> None:
    """More of a body came, up to `last`."""
    exchange = talk.current
    if exchange is None:
        return
    exchange.bytes = max(0, last - talk.body_from)
    exchange.ended = stamp
    if exchange.length is not None and exchange.bytes >= exchange.length:
        exchange.bytes = exchange.length
        _finish(talk, stamp)
    elif talk.chunked and kept.endswith(_LAST_CHUNK):
        side.expect = last
        _finish(talk, stamp)


def _finish(talk: _Talk, stamp: Stamp) -> None:
    if talk.current is not None:
        talk.current.outcome, talk.current.ended = "done", stamp
    talk.current, talk.chunked = None, False


def _over(talk: _Talk, how: str, stamp: Stamp) -> None:
    """The server's side has ended, or all of it: what has no known length ends with it (RFC 9112, 6.3).

    So does a chunked body whose last chunk was not seen, for it may stand in a segment with others, which is cut.
    """
    current = talk.current
    if current is not None and how == "cut short" and current.length is None:
        _finish(talk, stamp)
        current = None
    for exchange in ([] if current is None else [current]) + talk.waiting:
        exchange.outcome, exchange.ended = how, stamp
    talk.current = None
    talk.waiting.clear()


def _read(head: bytes) -> tuple[bytes, dict[str, bytes]]:
    """A head's first line, and its fields by their names in lower case."""
    first, *lines = head.split(b"\n")
    pairs = (line.partition(b":") for line in lines)
    return first.rstrip(b"\r"), {plain(name.strip().lower()): value.strip() for name, _, value in pairs}


def _begins(data: bytes, starts: tuple[bytes, ...]) -> bool:
    return data.startswith(starts) or any(start.startswith(data) for start in starts)


def _blank_line(data: bytes) -> int:
    """The index after the first blank line, ended by CR LF or by LF alone (RFC 9112, 2.2), or -1."""
    ends = [at + len(mark) for mark in (b"\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    return min(ends, default=-1)


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() and len(text) < 16 else None
