"""Headers are read as an independent builder wrote them; any bytes are no crash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

from hil.timeline.packets.headers import FIN, RST, SYN, Datagram, Segment, ends_of, parse, plain, reverse

ETHER = Ether(src="52:54:00:00:00:01", dst="52:54:00:00:00:02")
NETWORKS = {
    "4": (ETHER / IP(src="10.0.2.15", dst="10.0.2.2"), "10.0.2.15", "10.0.2.2"),
    "4 with options": (ETHER / IP(src="10.0.2.15", dst="10.0.2.2", options=[("NOP")] * 8), "10.0.2.15", "10.0.2.2"),
    "4 in a VLAN": (ETHER / Dot1Q(vlan=7) / IP(src="10.0.2.15", dst="10.0.2.2"), "10.0.2.15", "10.0.2.2"),
    "6": (ETHER / IPv6(src="fec0::15", dst="fec0::2"), "fec0::15", "fec0::2"),
}


@pytest.mark.parametrize("name", NETWORKS)
@given(
    ports=st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
    seq=st.integers(0, 2**32 - 1),
    flags=st.integers(0, 255),
    payload=st.binary(max_size=40),
    kept=st.integers(0, 40),
)
def test_a_segment(name: str, ports: tuple[int, int], seq: int, flags: int, payload: bytes, kept: int) -> None:
    network, source, target = NETWORKS[name]
    layer = TCP(sport=ports[0], dport=ports[1], seq=seq, flags=flags, options=[("MSS", 1460)])
    frame = bytes(network / layer / payload)
    headers = len(frame) - len(payload)
    data = b"before" + frame[: headers + kept]
    found = parse(data, 6, len(data), len(frame))
    if not payload and not flags & (SYN | FIN | RST):
        assert found is None
        return
    assert isinstance(found, Segment)
    assert ends_of(found.flow) == (source, ports[0], target, ports[1])
    assert ends_of(reverse(found.flow)) == (target, ports[1], source, ports[0])
    assert (found.flags, found.seq, found.length) == (flags, seq, len(payload))
    assert data[found.start : found.end] == payload[:kept]


@pytest.mark.parametrize("name", NETWORKS)
@given(payload=st.binary(max_size=40), padding=st.integers(0, 20))
def test_a_datagram_and_what_ethernet_adds(name: str, payload: bytes, padding: int) -> None:
    frame = bytes(NETWORKS[name][0] / UDP(sport=67, dport=68) / payload) + bytes(padding)
    found = parse(frame, 0, len(frame), len(frame))
    assert isinstance(found, Datagram)
    assert (found.source_port, found.target_port, found.length, found.payload) == (67, 68, len(payload), payload)


@pytest.mark.parametrize("frame", [ETHER / ARP(), ETHER / IP(frag=1) / UDP(), ETHER / IP(flags="MF") / UDP() / b"x"])
def test_what_is_neither_is_passed_over(frame: Packet) -> None:
    data = bytes(frame)
    assert parse(data, 0, len(data), len(data)) is None


@given(data=st.binary(max_size=80), kind=st.sampled_from([b"\x08\0\x45", b"\x86\xdd\x60", b"\x81\0\0\1\x08\0\x45"]))
def test_any_bytes_are_no_crash(data: bytes, kind: bytes) -> None:
    for frame in (data, bytes(12) + kind + data):
        for start in (0, 3):
            parse(frame, start, len(frame), len(frame) + 5)


@given(raw=st.binary())
def test_text_from_the_wire_is_one_printable_line(raw: bytes) -> None:
    assert plain(raw).isprintable()


def test_text_that_is_printable_stays() -> None:
    assert plain("größe".encode()) == "größe"
    assert plain(b"\x1b[31m\xff\n") == "\\x1b[31m\\xff\\n"


@pytest.mark.parametrize("name", NETWORKS)
def test_what_ethernet_adds_to_a_short_segment_is_not_carried(name: str) -> None:
    frame = bytes(NETWORKS[name][0] / TCP(flags="PA") / b"abc") + bytes(20)
    found = parse(frame, 0, len(frame), len(frame))
    assert isinstance(found, Segment)
    assert (found.length, frame[found.start : found.end]) == (3, b"abc")
