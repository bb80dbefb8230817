"""TFTP transfers: size probes, retransmissions, errors, lost tails, and block numbers that begin again."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.timeline.packets.headers import Datagram
from hil.timeline.packets.stamps import Stamp
from hil.timeline.packets.tftp import Transfer, Transfers

CLIENT, SERVER = bytes([10, 0, 2, 15]), bytes([10, 0, 2, 2])


@dataclass
class Wire:
    """One client and one server, whose answers come from a port of their own or, as QEMU's do, from 69."""

    server_port: int = 40000
    client_port: int = 2000
    transfers: Transfers = field(default_factory=Transfers)
    sent: int = 0

    def request(self, file: str, *options: str, opcode: int = 1) -> None:
        words = b"".join(word.encode() + b"\0" for word in (file, "octet", *options))
        self.send(bytes([0, opcode]) + words, by_client=True, port=69)

    def oack(self, *options: str) -> None:
        self.send(b"\0\6" + b"".join(option.encode() + b"\0" for option in options))

    def data(self, block: int, length: int) -> None:
        # Of data, a capture keeps the block's number.
        self.send(b"\0\3" + (block % 65536).to_bytes(2, "big"), length=length + 4)

    def ack(self, block: int) -> None:
        self.send(b"\0\4" + (block % 65536).to_bytes(2, "big"), by_client=True)

    def error(self, code: int, words: str, *, by_client: bool = False) -> None:
        self.send(b"\0\5" + code.to_bytes(2, "big") + words.encode() + b"\0", by_client=by_client)

    def send(
        self, said: bytes, *, by_client: bool = False, port: int | None = None, length: int | None = None
    ) -> None:
        self.sent += 1
        size = len(said) if length is None else length
        ends = (CLIENT, SERVER) if by_client else (SERVER, CLIENT)
        server_port = self.server_port if port is None else port
        ports = (self.client_port, server_port) if by_client else (server_port, self.client_port)
        self.transfers.take(Datagram(*ends, *ports, size, said), Stamp(self.sent, 0))

    @property
    def only(self) -> Transfer:
        [transfer] = self.transfers.all
        return transfer


@pytest.fixture(params=[40000, 69])
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(server_port=request.param)


def test_a_file_in_three_blocks(wire: Wire) -> None:
    wire.request("ipxe-arm64.efi", "blksize", "1428")
    wire.oack("blksize", "1428")
    wire.ack(0)
    for block, length in ((1, 1428), (2, 1428), (3, 17)):
        wire.data(block, length)
        last_data = wire.sent
        wire.ack(block)
    done = wire.only
    assert (done.client, done.server, done.file) == ("10.0.2.15", "10.0.2.2", "ipxe-arm64.efi")
    assert (done.outcome, done.bytes, done.blocks, done.retransmissions) == ("done", 2873, 3, 0)
    assert (done.begun.at_ns, done.ended) == (1, Stamp(last_data, 0))


def test_a_size_probe_is_no_failure(wire: Wire) -> None:
    wire.request("ipxe-arm64.efi", "tsize", "0")
    wire.oack("tsize", "1011712")
    wire.error(8, "User aborted the transfer", by_client=True)
    assert (wire.only.outcome, wire.only.size, wire.only.error, wire.only.bytes) == ("size-probe", 1011712, None, 0)


def test_an_abort_after_data_is_one(wire: Wire) -> None:
    wire.request("a", "tsize", "0")
    wire.oack("tsize", "5000")
    wire.data(1, 512)
    wire.error(0, "no room", by_client=True)
    assert (wire.only.outcome, wire.only.error, wire.only.bytes) == ("aborted", "0 no room", 512)


def test_a_file_that_is_not_there(wire: Wire) -> None:
    wire.request("a")
    wire.error(1, "File not found")
    assert (wire.only.outcome, wire.only.error, wire.only.ended) == ("error", "1 File not found", Stamp(2, 0))


def test_what_came_twice_counts_once(wire: Wire) -> None:
    wire.request("a")
    wire.request("a")
    for block in (1, 1, 2, 1, 2):
        wire.data(block, 512 if block == 1 else 3)
    wire.ack(2)
    assert (wire.only.outcome, wire.only.bytes, wire.only.blocks, wire.only.retransmissions) == ("done", 515, 2, 4)


@pytest.mark.parametrize("acknowledged", [1, 2])
def test_a_lost_tail_is_open(wire: Wire, acknowledged: int) -> None:
    wire.request("a")
    wire.data(1, 512)
    wire.ack(1)
    wire.data(2, 512)
    wire.ack(acknowledged)
    assert (wire.only.outcome, wire.only.ended, wire.only.bytes) == ("open", None, 1024)


def test_a_last_block_that_nobody_took_is_open(wire: Wire) -> None:
    wire.request("a")
    wire.data(1, 3)
    assert wire.only.outcome == "open"


@pytest.mark.parametrize("again_at", [0, 1])
def test_block_numbers_begin_again(wire: Wire, again_at: int) -> None:
    """At 0, or at 1 as some servers do it; RFC 1350 does not say."""
    wire.request("a")
    for block in [*range(1, 65536), *range(65536 + again_at, 65540)]:
        wire.data(block, 512)
    wire.data(65540, 0)
    wire.ack(65540)
    blocks = 65540 - again_at
    assert (wire.only.outcome, wire.only.blocks, wire.only.bytes) == ("done", blocks, (blocks - 1) * 512)
    assert wire.only.retransmissions == 0


def test_a_port_is_used_for_the_next_file(wire: Wire) -> None:
    for file in ("a", "b", "b"):
        wire.request(file)
        wire.data(1, 3)
        wire.ack(1)
    assert [(one.file, one.outcome) for one in wire.transfers.all] == [("a", "done"), ("b", "done"), ("b", "done")]


def test_what_belongs_to_no_transfer_is_passed_over(wire: Wire) -> None:
    wire.request("a", opcode=2)
    wire.data(1, 512)
    wire.ack(1)
    assert wire.transfers.all == []


@given(said=st.lists(st.tuples(st.binary(max_size=12), st.booleans(), st.booleans())))
def test_any_bytes_are_no_crash(said: list[tuple[bytes, bool, bool]]) -> None:
    wire = Wire()
    wire.request("a", "tsize", "0")
    for payload, by_client, starts in said:
        wire.send(b"\0" + payload if starts else payload, by_client=by_client)
