"""Frames against scapy's, both ways; broken ones are nothing."""

from __future__ import annotations

from socket import inet_aton

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from support.examples import unless_quick
from support.rom_wire import MAC, SERVER_MAC

from hil.sim.rom import frames
from hil.sim.rom.frames import Arp, Ethernet, Udp

HERE, THERE = "10.0.2.11", "10.0.2.100"
OWN, OTHER = bytes.fromhex(MAC.replace(":", "")), bytes.fromhex(SERVER_MAC.replace(":", ""))
PORTS = st.integers(0, 65535)


def sent(data: bytes, source: int = 49152, to: int = 69, *, checked: bool = True) -> bytes:
    packet = frames.udp(Udp(inet_aton(HERE), source, inet_aton(THERE), to, data), checked=checked)
    return frames.ethernet(Ethernet(OTHER, OWN, frames.IPV4, packet))


@settings(max_examples=unless_quick(30))
@given(st.binary(max_size=1472), PORTS, PORTS)
def test_scapy_reads_what_is_sent_and_finds_its_checksums_right(data: bytes, source: int, to: int) -> None:
    frame = sent(data, source, to)
    packet = Ether(frame)
    assert (packet.src, packet.dst, packet[IP].src, packet[IP].dst) == (MAC, SERVER_MAC, HERE, THERE)
    assert (packet[UDP].sport, packet[UDP].dport) == (source, to)
    assert bytes(packet[UDP].payload)[: len(data)] == data
    checksums = packet[IP].chksum, packet[UDP].chksum
    del packet[IP].chksum, packet[UDP].chksum
    again = Ether(bytes(packet))
    assert checksums == (again[IP].chksum, again[UDP].chksum)
    assert len(frame) >= 60


def test_a_checksum_of_zero_is_sent_as_all_ones_and_none_as_zero() -> None:
    own = Ether(sent(b"\0\0"))[UDP].chksum
    assert Ether(sent(own.to_bytes(2, "big")))[UDP].chksum == 0xFFFF
    assert Ether(sent(b"word", checked=False))[UDP].chksum == 0


@settings(max_examples=unless_quick(30))
@given(st.binary(max_size=1472), PORTS, PORTS, st.booleans())
def test_what_scapy_sends_is_read(data: bytes, source: int, to: int, checked: bool) -> None:
    datagram = UDP(sport=source, dport=to) if checked else UDP(sport=source, dport=to, chksum=0)
    packet = Ether(bytes(Ether(src=SERVER_MAC, dst=MAC) / IP(src=THERE, dst=HERE) / datagram / data).ljust(60, b"\0"))
    frame = frames.parse_ethernet(bytes(packet))
    assert frame is not None
    assert (frame.destination, frame.source, frame.kind) == (OWN, OTHER, frames.IPV4)
    assert frames.parse_udp(frame.payload) == Udp(inet_aton(THERE), source, inet_aton(HERE), to, data)


@pytest.mark.parametrize("fault", [{"flags": "MF"}, {"frag": 3}, {"proto": 6}, {"chksum": 7}, {"version": 6}])
def test_a_packet_that_a_boot_rom_cannot_use_is_nothing(fault: dict[str, object]) -> None:
    packet = bytes(IP(src=THERE, dst=HERE, **fault) / UDP(sport=69, dport=69) / b"word")
    assert frames.parse_udp(packet) is None


def test_a_flipped_bit_is_found() -> None:
    packet = bytes(IP(src=THERE, dst=HERE) / UDP(sport=69, dport=69) / b"word")
    assert frames.parse_udp(packet) is not None
    for at in range(len(packet)):
        assert frames.parse_udp(packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :]) is None


@settings(max_examples=unless_quick(50))
@given(st.binary(max_size=80), st.integers(0, 60))
def test_no_bytes_raise(data: bytes, kept: int) -> None:
    whole = bytes(IP(src=THERE, dst=HERE) / UDP(sport=69, dport=69) / b"word")
    for payload in (data, whole[:kept] + data):
        frames.parse_ethernet(payload)
        frames.parse_arp(payload)
        frames.parse_udp(payload)


def test_arp_is_scapys() -> None:
    asked = Arp(frames.REQUEST, OWN, inet_aton(HERE), bytes(6), inet_aton(THERE))
    packet = Ether(frames.ethernet(Ethernet(frames.BROADCAST, OWN, frames.ARP, frames.arp(asked))))[ARP]
    assert (packet.op, packet.hwsrc, packet.psrc, packet.pdst) == (1, MAC, HERE, THERE)
    said = ARP(op=2, hwsrc=SERVER_MAC, psrc=THERE, hwdst=MAC, pdst=HERE)
    assert frames.parse_arp(bytes(said)) == Arp(frames.REPLY, OTHER, inet_aton(THERE), OWN, inet_aton(HERE))
    assert frames.parse_arp(bytes(ARP(hwtype=6))) is None
