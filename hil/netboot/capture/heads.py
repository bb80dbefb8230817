"""Where HTTP heads begin and end on the connections of one wire (RFC 9112): what of each TCP segment is a head.

A connection is followed from its SYN on. What is not certainly a request's head, or the head of the answer to a
request that waits for one, is no head: a connection whose place in the protocol is lost has none any more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

SYN, RST, ACK = 2, 4, 16
_ANY = 1 << 32
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")
_ANSWER = (b"HTTP/1.",)
_MAX_HEAD = 16 << 10
_MAX_LINE = 1 << 10
_MAX_CONNECTIONS = 4096
_MAX_WAITING = 64

_LOST, _HEAD, _SIZE, _TRAILER = range(4)


class Heads:
    """The connections of one wire."""

    def __init__(self) -> None:
        self._sides: dict[bytes, _Side] = {}

    def kept(self, flow: bytes, flags: int, seq: int, data: bytes, start: int, end: int) -> int:
        """How many leading bytes of the payload data[start:end] belong to a head.

        Args:
            flow: source and target address, source and target port, as they stand in the headers.
            flags: of TCP.
            seq: of the payload's first byte, or of the SYN.
            data: what holds the payload.
            start: the payload's first byte.
            end: after its last.
        """
        if flags & (SYN | RST):
            self._begin_or_end(flow, flags, seq)
            return 0
        side = self._sides.get(flow)
        return 0 if side is None else side.kept(seq, data, start, end)

    def _begin_or_end(self, flow: bytes, flags: int, seq: int) -> None:
        half = (len(flow) - 4) // 2
        back = flow[half : 2 * half] + flow[:half] + flow[-2:] + flow[-4:-2]
        if flags & RST:
            self._sides.pop(flow, None)
            self._sides.pop(back, None)
        elif not flags & ACK:
            if len(self._sides) >= 2 * _MAX_CONNECTIONS:
                self._sides.clear()
            waiting: list[bytes] = []
            self._sides[flow] = _Requests(waiting, (seq + 1) % _ANY)
            self._sides[back] = _Answers(waiting, None)
        else:
            side = self._sides.get(flow)
            if side is not None and side.next is None:
                side.next = (seq + 1) % _ANY


class _Side(ABC):
    """One direction of a connection.

    Args:
        waiting: the methods of the requests that wait for an answer, oldest first; both directions have the same.
        next: the sequence number from which on bytes are looked at; None before its SYN.
    """

    starts: tuple[bytes, ...] = ()

    def __init__(self, waiting: list[bytes], next_seq: int | None) -> None:
        self.waiting = waiting
        self.next = next_seq
        self._state = _HEAD
        self._part = b""

    def kept(self, seq: int, data: bytes, start: int, end: int) -> int:
        """As `Heads.kept`."""
        if self.next is None or self._state == _LOST:
            return 0
        old = (self.next - seq) % _ANY
        length = end - start
        # Beyond is a gap; before, a retransmission or a body that is passed over. A body may be 2 GiB long.
        if old >= length:
            return 0
        self.next = (seq + length) % _ANY
        kept, beyond = self._take(data[start + old : end])
        self.next = (self.next + beyond) % _ANY
        return 0 if old else kept

    def _take(self, data: bytes) -> tuple[int, int]:
        """How many leading bytes are heads, and how many bytes after these belong to a body."""
        at = kept = 0
        while at < len(data) and self._state != _LOST:
            if self._state == _HEAD:
                taken, body = self._head(data[at:])
                kept += taken if at == kept else 0
            else:
                taken, body = self._line(data[at:])
            at += taken + body
        return kept, max(0, at - len(data))

    def _head(self, data: bytes) -> tuple[int, int]:
        """How many bytes are head, and how many after it body."""
        if not self._part and not self.may_begin():
            self._state = _LOST
            return 0, 0
        before = len(self._part)
        whole = self._part + data
        if not _begins(whole, self.starts):
            self._state = _LOST
            return 0, 0
        end = _blank_line(whole)
        if end < 0:
            self._part = whole
            if len(whole) > _MAX_HEAD:
                self._state = _LOST
            return len(data), 0
        self._part = b""
        return end - before, self._body(whole[:end])

    def _line(self, data: bytes) -> tuple[int, int]:
        """One line of a chunked body, and how long the chunk is that it announces (RFC 9112, 7.1)."""
        end = data.find(b"\n") + 1
        line = self._part + (data[:end] if end else data)
        if not end:
            self._part = line
            self._state = _LOST if len(line) > _MAX_LINE else self._state
            return len(data), 0
        self._part = b""
        if self._state == _TRAILER:
            self._state = _HEAD if not line.strip() else _TRAILER
            return end, 0
        size = _number(line.partition(b";")[0].strip(), 16)
        if size is None:
            self._state = _LOST
        elif size == 0:
            self._state = _TRAILER
        # Each chunk's data is followed by CR LF.
        return end, size + 2 if size else 0

    @abstractmethod
    def _body(self, head: bytes) -> int:
        """How long the body after this head is; sets the state for what follows."""

    @abstractmethod
    def may_begin(self) -> bool:
        """Whether a head may begin now."""

    def _framed(self, fields: dict[bytes, bytes], unframed: int) -> int:
        """The body's length as its fields give it (RFC 9112, 6.3); `unframed` is the state where they give none."""
        coding = fields.get(b"transfer-encoding")
        if coding is not None:
            self._state = _SIZE if coding.lower().endswith(b"chunked") else _LOST
            return 0
        if b"content-length" not in fields:
            self._state = unframed
            return 0
        length = _number(fields[b"content-length"], 10)
        if length is None or length >= _ANY // 2:
            self._state = _LOST
            return 0
        return length


class _Requests(_Side):
    """What the client sends."""

    starts = _METHODS

    def may_begin(self) -> bool:
        return True

    def _body(self, head: bytes) -> int:
        method = head.partition(b" ")[0]
        fields = _fields(head)
        self.waiting.append(method)
        if method == b"CONNECT" or b"upgrade" in fields or len(self.waiting) > _MAX_WAITING:
            self._state = _LOST
            return 0
        return self._framed(fields, _HEAD)


class _Answers(_Side):
    """What the server sends."""

    starts = _ANSWER

    def may_begin(self) -> bool:
        return bool(self.waiting)

    def _body(self, head: bytes) -> int:
        status = head[9:12]
        if status[:1] == b"1" and status != b"101":
            return 0
        method = self.waiting.pop(0)
        if status == b"101" or method == b"CONNECT":
            self._state = _LOST
            return 0
        if method == b"HEAD" or status in (b"204", b"304"):
            return 0
        return self._framed(_fields(head), _LOST)


def _begins(data: bytes, starts: tuple[bytes, ...]) -> bool:
    return data.startswith(starts) or any(start.startswith(data) for start in starts)


def _blank_line(data: bytes) -> int:
    """The index after the first blank line, ended by CR LF or by LF alone (RFC 9112, 2.2), or -1."""
    at = data.find(b"\n")
    while at >= 0:
        if data.startswith(b"\n", at + 1):
            return at + 2
        if data.startswith(b"\r\n", at + 1):
            return at + 3
        at = data.find(b"\n", at + 1)
    return -1


def _fields(head: bytes) -> dict[bytes, bytes]:
    """A head's fields by their names in lower case; of one that is there twice, the last."""
    pairs = (line.partition(b":") for line in head.split(b"\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _number(text: bytes, base: int) -> int | None:
    """A number as the protocol writes it: digits alone."""
    digits = b"0123456789abcdefABCDEF" if base == 16 else b"0123456789"
    return int(text, base) if text and len(text) < 16 and not text.strip(digits) else None
