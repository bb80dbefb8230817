"""How much of each frame is kept, of frames that scapy builds; and no frame, however broken, is too much for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from hil.netboot.capture.cutting import Cutter

BODY = b"secret body " * 20
# With addresses of its own: scapy would ask the network for those that it lacks.
ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
GUEST, BENCH = "10.0.2.15", "10.0.2.100"


def kept(cutter: Cutter, frame: Packet | bytes) -> bytes:
    """What is kept of a frame in the middle of other bytes."""
    raw = bytes(frame)
    length = cutter.kept(b"front" + raw + b"back", 5, 5 + len(raw))
    assert 0 <= length <= len(raw)
    return raw[:length]


def to_bench(layer: Packet) -> Packet:
    return ETHER / IP(src=GUEST, dst=BENCH) / layer


def to_guest(layer: Packet) -> Packet:
    return ETHER / IP(src=BENCH, dst=GUEST) / layer


DISCOVER = BOOTP(op=1, xid=7) / DHCP(options=[("message-type", "discover"), ("vendor_class_id", "PXEClient"), "end"])


@pytest.mark.parametrize(
    "frame",
    [
        ETHER / ARP(psrc=GUEST, pdst=BENCH),
        ETHER / Dot1Q(vlan=7) / ARP(psrc=GUEST, pdst=BENCH),
        to_bench(UDP(sport=68, dport=67) / DISCOVER),
        to_guest(UDP(sport=67, dport=68) / DISCOVER),
        to_guest(UDP(sport=4011, dport=4011) / DISCOVER),
        to_bench(UDP(sport=4000, dport=53) / DNS(qd=DNSQR(qname="a.test"))),
        to_guest(UDP(sport=53, dport=4000) / DNS(qd=DNSQR(qname="a.test"))),
        ETHER / IPv6(src="fe80::1", dst="fe80::2") / UDP(sport=4000, dport=53) / DNS(qd=DNSQR(qname="a.test")),
    ],
    ids=lambda frame: frame.summary(),
)
def test_what_boots_a_machine_in_the_open_is_whole(frame: Packet) -> None:
    assert kept(Cutter(), frame) == bytes(frame)


@pytest.mark.parametrize(
    "headers",
    [
        Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01", type=0x88B5),
        ETHER / Dot1Q(vlan=7, type=0x88B5),
        to_bench(UDP(sport=4000, dport=4001)),
        to_bench(TCP(sport=4000, dport=80, flags="PA", options=[("Timestamp", (1, 2))])),
        to_bench(ICMP()),
        ETHER / IP(proto=47),
        ETHER / IP(options=[Raw(bytes(8))], proto=17) / UDP(sport=1, dport=2),
        ETHER / IP(frag=3, proto=17),
        ETHER / IPv6() / UDP(sport=4000, dport=4001),
        ETHER / IPv6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / TCP(sport=1, dport=2, flags="PA"),
        ETHER / IPv6() / ICMPv6EchoRequest(),
        ETHER / IPv6() / IPv6ExtHdrFragment(offset=3, nh=17),
    ],
    ids=lambda headers: headers.summary(),
)
def test_of_anything_else_the_headers(headers: Packet) -> None:
    assert kept(Cutter(), headers / Raw(BODY)) == bytes(headers / Raw(BODY))[: -len(BODY)]


def test_what_pads_a_frame_is_not_kept() -> None:
    arp, ack = ETHER / ARP(), to_bench(TCP(sport=1, dport=2, flags="A"))
    for frame in (arp, ack):
        assert kept(Cutter(), bytes(frame) + BODY) == bytes(frame)


RRQ = b"\x00\x01ipxe-arm64.efi\x00octet\x00blksize\x001428\x00"


def test_of_tftp_all_but_the_data() -> None:
    cutter = Cutter()
    ask, data, answer = UDP(sport=1500, dport=69), UDP(sport=2049, dport=1500), UDP(sport=1500, dport=2049)
    assert kept(cutter, to_bench(ask / Raw(RRQ))).endswith(RRQ)
    for said in (b"\x00\x06blksize\x001428\x00", b"\x00\x05\x00\x01not found\x00"):
        assert kept(cutter, to_guest(data / Raw(said))).endswith(said)
    assert kept(cutter, to_guest(data / Raw(b"\x00\x03\x00\x01" + BODY)))[42:] == b"\x00\x03\x00\x01"
    assert kept(cutter, to_bench(answer / Raw(b"\x00\x04\x00\x01" + BODY)))[42:] == b"\x00\x04\x00\x01"
    # An error that is longer than its datagram says is none of it.
    assert kept(cutter, to_guest(data / Raw(b"\x00\x09" + BODY)))[42:] == b""


def test_what_looks_like_tftp_elsewhere_is_not_kept() -> None:
    cutter = Cutter()
    error = b"\x00\x05\x00\x01" + BODY
    assert kept(cutter, to_guest(UDP(sport=2049, dport=1500) / Raw(error)))[42:] == b""
    assert kept(cutter, to_bench(UDP(sport=1500, dport=69) / Raw(error)))[42:] == b""
    kept(cutter, to_bench(UDP(sport=1500, dport=69) / Raw(RRQ)))
    stranger = ETHER / IP(src="10.0.2.7", dst=GUEST) / UDP(sport=2049, dport=1500) / Raw(error)
    assert kept(cutter, stranger)[42:] == b""
    assert kept(cutter, to_guest(UDP(sport=2049, dport=1500) / Raw(error))).endswith(error)


def test_of_http_the_heads() -> None:
    cutter = Cutter()
    tcp = {"sport": 5000, "dport": 8080}
    back = {"sport": 8080, "dport": 5000}
    request = b"POST /ipxe HTTP/1.1\r\nContent-Length: 240\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 240\r\n\r\n"
    kept(cutter, to_bench(TCP(**tcp, flags="S", seq=9)))
    kept(cutter, to_guest(TCP(**back, flags="SA", seq=99, ack=10)))
    assert kept(cutter, to_bench(TCP(**tcp, flags="PA", seq=10) / Raw(request + BODY)))[54:] == request
    assert kept(cutter, to_guest(TCP(**back, flags="PA", seq=100) / Raw(answer)))[54:] == answer
    assert kept(cutter, to_guest(TCP(**back, flags="PA", seq=100 + len(answer)) / Raw(BODY)))[54:] == b""
    assert cutter.payload == 54


def test_of_http_over_ipv6_the_heads_too() -> None:
    cutter = Cutter()
    there, back = IPv6(src="fe80::1", dst="fe80::2"), IPv6(src="fe80::2", dst="fe80::1")
    kept(cutter, ETHER / there / TCP(sport=5, dport=80, flags="S", seq=9))
    request = b"GET / HTTP/1.1\r\n\r\n"
    assert kept(cutter, ETHER / there / TCP(sport=5, dport=80, flags="PA", seq=10) / Raw(request)).endswith(request)
    kept(cutter, ETHER / back / TCP(sport=80, dport=5, flags="SA", seq=0))
    head = b"HTTP/1.1 404 Not Found\r\n\r\n"
    assert kept(cutter, ETHER / back / TCP(sport=80, dport=5, flags="PA", seq=1) / Raw(head + BODY)).endswith(head)


WHOLE = [bytes(to_bench(UDP(sport=1, dport=2) / Raw(BODY))), bytes(to_bench(TCP(flags="PA") / Raw(BODY)))]
WHOLE += [bytes(ETHER / IPv6() / IPv6ExtHdrHopByHop() / TCP(flags="PA") / Raw(BODY)), bytes(ETHER / ARP())]


@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 70), st.integers(0, 255)), max_size=4),
    st.integers(0, 80),
)
def test_broken_frames_are_cut_somewhere(frame: bytes, changes: list[tuple[int, int]], length: int) -> None:
    broken = bytearray(frame)
    for at, byte in changes:
        if at < len(broken):
            broken[at] = byte
    kept(Cutter(), bytes(broken))
    kept(Cutter(), bytes(broken)[:length])


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_any_bytes_are_cut_somewhere(frames: list[bytes]) -> None:
    cutter = Cutter()
    for frame in frames:
        kept(cutter, frame)
