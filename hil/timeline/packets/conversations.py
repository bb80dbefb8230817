"""What a boot's captured packets say: DHCP, TFTP and HTTP, each with when and within what error. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from hil.clock import NANOSECONDS
from hil.errors import InfrastructureError
from hil.timeline.packets import dhcp
from hil.timeline.packets.dhcp import Client, Message
from hil.timeline.packets.dhcp_options import texts
from hil.timeline.packets.headers import Datagram, Segment, address, parse, with_port
from hil.timeline.packets.http import Connections, Exchange
from hil.timeline.packets.names import INDEX, NOTE, PACKETS
from hil.timeline.packets.pcapng import Places, places
from hil.timeline.packets.stamps import Stamp, read_stamps
from hil.timeline.packets.tftp import Transfer, Transfers

SCHEMA: Final = "hil.packets/1"
MOST: Final = 5000
"""Of each kind that are listed: a boot has less than a hundred."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What there is to read.

    Args:
        packets: how many.
        bytes: of them on the wire.
        cut: whether only a part of some was kept.
        note: what is missing; "" where nothing is.
    """

    packets: int
    bytes: int
    cut: bool
    note: str


@dataclass(frozen=True, slots=True)
class Said:
    """One DHCP message on the wire.

    Args:
        at: when.
        source: address and port.
        target: address and port.
        message: what.
        client: which program of the machine asks, or is answered.
    """

    at: Stamp
    source: str
    target: str
    message: Message
    client: Client


@dataclass
class Conversations:
    """What the packets of one boot say, each list in the order in which things began."""

    captured: Captured
    dhcp: list[Said] = field(default_factory=list)
    tftp: list[Transfer] = field(default_factory=list)
    http: list[Exchange] = field(default_factory=list)

    def to_json(self, origin_ns: int) -> dict[str, object]:
        """The stable record; seconds count from `origin_ns`, ns of the one clock."""
        captured = self.captured
        return {
            "schema": SCHEMA,
            "capture": {
                "packets": captured.packets,
                "bytes": captured.bytes,
                "payloads": "cut" if captured.cut else "full",
                "file": PACKETS,
                "complete": not captured.note,
                "note": captured.note,
            },
            "dhcp": [_dhcp_json(said, origin_ns) for said in self.dhcp],
            "tftp": [_tftp_json(transfer, origin_ns) for transfer in self.tftp],
            "http": [_http_json(exchange, origin_ns) for exchange in self.http],
        }


def read_packets(folder: Path) -> Conversations | None:
    """What the packets in a boot's folder say; None where nothing was captured.

    Args:
        folder: the boot's.

    Raises:
        InfrastructureError: what was captured cannot be read.
    """
    file = folder / PACKETS
    if not file.exists():
        return None
    try:
        data = file.read_bytes()
        note = (folder / NOTE).read_text("utf-8", "replace") if (folder / NOTE).exists() else ""
    except OSError as error:
        raise InfrastructureError(
            f"{file} cannot be read: {error.strerror}", hint="see that the boot's folder is whole"
        ) from error
    # While a machine runs, packets come between the two readings: the shorter counts.
    _, stamps = read_stamps(folder / INDEX)
    return converse(data, places(data), stamps, "; ".join(note.split("\n")).strip("; "))


def converse(data: bytes, found: Places, stamps: list[Stamp], note: str = "") -> Conversations:
    """What some packets say.

    Args:
        data: what holds them.
        found: where each is.
        stamps: when each was sent; of these and the packets the shorter counts.
        note: what is missing.
    """
    told: list[Said] = []
    clients: dict[tuple[int, str], Client] = {}
    transfers, connections = Transfers(), Connections()
    total, count, cut = 0, 0, False
    for (start, end, length), stamp in zip(found.packets, stamps, strict=False):
        total, count = total + length, count + 1
        cut = cut or end - start < length
        packet = parse(data, start, end, length)
        if isinstance(packet, Segment):
            connections.take(packet, data, stamp)
        elif packet is None:
            continue
        elif packet.target_port in dhcp.PORTS:
            said = _said(packet, stamp, clients)
            told += [] if said is None else [said]
        else:
            transfers.take(packet, stamp)
    conversations = Conversations(Captured(count, total, cut, ""), told, transfers.all, connections.all)
    notes = [note, "" if found.whole else f"{PACKETS} ends in the middle of a packet", _shortened(conversations)]
    conversations.captured = replace(conversations.captured, note="; ".join(filter(None, notes)))
    return conversations


def _shortened(conversations: Conversations) -> str:
    """Leave out what is beyond the limit, for a machine that is asked something for hours; what to say of that."""
    notes = []
    for name, listed in (
        ("DHCP messages", conversations.dhcp),
        ("TFTP transfers", conversations.tftp),
        ("HTTP requests", conversations.http),
    ):
        if len(listed) > MOST:
            notes.append(f"of {len(listed)} {name} the first {MOST} are listed")
            del listed[MOST:]
    return "; ".join(notes)


def _said(packet: Datagram, stamp: Stamp, clients: dict[tuple[int, str], Client]) -> Said | None:
    message = dhcp.parse(packet.payload)
    if message is None:
        return None
    exchange = (message.xid, message.mac)
    if message.from_client:
        clients[exchange] = message.client
    return Said(
        stamp,
        with_port(address(packet.source), packet.source_port),
        with_port(address(packet.target), packet.target_port),
        message,
        clients.get(exchange, Client.UNKNOWN),
    )


def _seconds(at: Stamp, origin_ns: int) -> float:
    return round((at.at_ns - origin_ns) / NANOSECONDS, 6)


def _seconds_or_none(at: Stamp | None, origin_ns: int) -> float | None:
    return None if at is None else _seconds(at, origin_ns)


def _error(at: Stamp) -> float:
    return round(at.error_ns / NANOSECONDS, 6)


def _dhcp_json(said: Said, origin_ns: int) -> dict[str, object]:
    message = said.message
    return {
        "seconds": _seconds(said.at, origin_ns),
        "error_seconds": _error(said.at),
        "xid": f"0x{message.xid:08x}",
        "mac": message.mac,
        "message": message.kind,
        "from": said.source,
        "to": said.target,
        "server": message.server,
        "address": message.given or message.asked,
        "boot_file": message.boot_file,
        "next_server": message.next_server,
        "client_arch": message.arch,
        "user_class": message.user_class,
        "vendor_class": message.vendor_class,
        "client": said.client.value,
        "options": texts(message),
    }


def _tftp_json(transfer: Transfer, origin_ns: int) -> dict[str, object]:
    return {
        "seconds": _seconds(transfer.begun, origin_ns),
        "error_seconds": _error(transfer.begun),
        "end_seconds": _seconds_or_none(transfer.ended, origin_ns),
        "client": transfer.client,
        "server": transfer.server,
        "file": transfer.file,
        "size": transfer.size,
        "bytes": transfer.bytes,
        "blocks": transfer.blocks,
        "retransmissions": transfer.retransmissions,
        "outcome": transfer.outcome,
        "error": transfer.error,
    }


def _http_json(exchange: Exchange, origin_ns: int) -> dict[str, object]:
    return {
        "seconds": _seconds(exchange.begun, origin_ns),
        "error_seconds": _error(exchange.begun),
        "first_byte_seconds": _seconds_or_none(exchange.answered, origin_ns),
        "end_seconds": _seconds_or_none(exchange.ended, origin_ns),
        "client": exchange.client,
        "server": exchange.server,
        "method": exchange.method,
        "target": exchange.target,
        "host": exchange.host,
        "user_agent": exchange.user_agent,
        "status": exchange.status,
        "length": exchange.length,
        "bytes": exchange.bytes,
        "retransmissions": exchange.retransmissions,
        "outcome": exchange.outcome,
    }
