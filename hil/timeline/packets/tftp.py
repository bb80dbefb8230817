"""TFTP transfers on one wire, followed datagram by datagram: what was read, how far, and how it ended.

RFC 1350 (packets, ports, retransmission), RFC 2347 (OACK), RFC 2348 (blksize), RFC 2349 (tsize). Only reading is
followed: nothing that boots writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.timeline.packets.headers import Datagram, address, plain
from hil.timeline.packets.stamps import Stamp

PORT: Final = 69
_RRQ, _DATA, _ACK, _ERROR, _OACK = 1, 3, 4, 5, 6
_BLOCK_SIZE: Final = 512
_WRAP: Final = 1 << 16


@dataclass(slots=True)
class Transfer:
    """One file that a client asked for.

    Args:
        begun: when it was asked for.
        client: address.
        server: address.
        file: its name as it was asked for.
        ended: when the last of it was seen; None while nothing ended it.
        size: as the server told it (tsize); None where it did not.
        bytes: of its data, each block once.
        blocks: how many of them.
        retransmissions: requests and blocks that came once more.
        outcome: "done", "size-probe", "aborted" (by the client), "error" (of the server) or "open".
        error: the code and words of what ended it.
    """

    begun: Stamp
    client: str
    server: str
    file: str
    ended: Stamp | None = None
    size: int | None = None
    bytes: int = 0
    blocks: int = 0
    retransmissions: int = 0
    outcome: str = "open"
    error: str | None = None


@dataclass(slots=True)
class _Course:
    """How far a transfer is."""

    transfer: Transfer
    block_size: int = _BLOCK_SIZE
    last: int = 0
    last_stamp: Stamp | None = None
    short: bool = False
    answered: bool = False


class Transfers:
    """The transfers of one wire, in the order in which they began."""

    def __init__(self) -> None:
        self.all: list[Transfer] = []
        self._courses: dict[tuple[bytes, int, bytes], _Course] = {}

    def take(self, datagram: Datagram, stamp: Stamp) -> None:
        """Take in one datagram; one that belongs to no transfer is passed over."""
        payload = datagram.payload
        if len(payload) < 2 or payload[0]:
            return
        opcode = payload[1]
        if datagram.target_port == PORT and opcode == _RRQ:
            self._request(datagram, stamp)
            return
        # A server that answers from its first port, as QEMU's does, is spoken to there (libslirp, src/tftp.c).
        to_client = self._courses.get((datagram.target, datagram.target_port, datagram.source))
        by_client = self._courses.get((datagram.source, datagram.source_port, datagram.target))
        if to_client is not None:
            to_client.answered = True
            _by_server(to_client, opcode, datagram, stamp)
        elif by_client is not None:
            _by_client(by_client, opcode, payload, stamp)

    def _request(self, datagram: Datagram, stamp: Stamp) -> None:
        """A client that has no answer asks again from the same port (RFC 1350, 2)."""
        words = datagram.payload[2:].split(b"\0")
        key = (datagram.source, datagram.source_port, datagram.target)
        file = plain(words[0])
        before = self._courses.get(key)
        if before is not None and before.transfer.file == file and before.transfer.outcome == "open":
            before.transfer.retransmissions += 1
            return
        transfer = Transfer(stamp, address(datagram.source), address(datagram.target), file)
        self.all.append(transfer)
        self._courses[key] = _Course(transfer)


def _by_server(course: _Course, opcode: int, datagram: Datagram, stamp: Stamp) -> None:
    transfer, payload = course.transfer, datagram.payload
    if opcode == _DATA and len(payload) >= 4:
        ahead = (int.from_bytes(payload[2:4], "big") - course.last) % _WRAP
        length = max(0, datagram.length - 4)
        if not 0 < ahead < _WRAP // 2:
            transfer.retransmissions += 1
            return
        course.last += ahead
        course.last_stamp = stamp
        course.short = length < course.block_size
        transfer.blocks += 1
        transfer.bytes += length
    elif opcode == _OACK:
        _agreed(course, payload)
    elif opcode == _ERROR and transfer.outcome == "open":
        transfer.outcome, transfer.error, transfer.ended = "error", _words(payload), stamp


def _by_client(course: _Course, opcode: int, payload: bytes, stamp: Stamp) -> None:
    transfer = course.transfer
    if transfer.outcome != "open":
        return
    if opcode == _ACK and course.short and payload[2:4] == (course.last % _WRAP).to_bytes(2, "big"):
        transfer.outcome, transfer.ended = "done", course.last_stamp
    elif opcode == _ERROR:
        # EDK2 asks for a file's size before it asks for the file, and ends that with an error of its own
        # (NetworkPkg/UefiPxeBcDxe/PxeBcMtftp.c, `PxeBcMtftpGetFileSize`).
        probe = transfer.size is not None and not transfer.blocks
        transfer.outcome, transfer.ended = "size-probe" if probe else "aborted", stamp
        transfer.error = None if probe else _words(payload)


def _agreed(course: _Course, payload: bytes) -> None:
    words = payload[2:].split(b"\0")
    for name, value in zip(words[::2], words[1::2], strict=False):
        if not (value.isdigit() and len(value) < 16):
            continue
        if name.lower() == b"tsize":
            course.transfer.size = int(value)
        elif name.lower() == b"blksize":
            course.block_size = int(value)


def _words(payload: bytes) -> str:
    code = int.from_bytes(payload[2:4], "big")
    return f"{code} {plain(payload[4:].split(bytes(1), 1)[0])}".rstrip()
