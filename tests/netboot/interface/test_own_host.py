"""What of this host itself is on a port: the kernel's tables as it writes them, and who is taken to hear a client."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.errors import InfrastructureError
from hil.netboot.interface import own_host
from hil.netboot.interface.listeners import (
    Process,
    UdpSocket,
    owners,
    parse_dump,
    parse_packet_sockets,
    udp_sockets,
)
from hil.netboot.interface.own_host import (
    Listener,
    OwnHost,
    listeners_of,
    look,
    parse_addresses,
    refuse_addresses,
    refuse_bound,
)

PORT, OTHER = 3, 4
DNSMASQ = Process(812, "dnsmasq")
# linux/netlink.h and linux/inet_diag.h, written out: a dnsmasq that is bound to interface 3; then the end of a dump.
SOCKET = (
    "58000000" + "1400" + "0200" + "01000000" + "00000000"  # nlmsghdr: 88 bytes
    + "02070000" + "0043" + "0000" + "00" * 32 + "03000000" + "ff" * 8  # IPv4, unconnected, port 67, device, cookie
    + "00000000" * 4 + "b81e4900"  # expires, queues, uid, inode
)  # fmt: skip
DONE = "14000000" + "0300" + "0200" + "01000000" + "00000000" + "00000000"
PACKETS = b"""sk               RefCnt Type Proto  Iface R Rmem   User   Inode
0000000000000000 3      3    0003   3     1 0      0      4816426
ffff8880b0a5c000 3      2    88cc   0     1 0      998    77
"""
TRIE = b"""Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
Local:
  +-- 192.168.1.0/24 2 0 2
        |-- 192.168.1.0
           /24 link UNICAST
        |-- 192.168.1.9
           /32 host LOCAL
        |-- 192.168.1.255
           /32 link BROADCAST
"""


def test_a_socket_is_read_as_the_kernel_writes_it() -> None:
    assert parse_dump(bytes.fromhex(SOCKET)) == ([UdpSocket(67, 0, PORT, 0x491EB8)], False)
    assert parse_dump(bytes.fromhex(SOCKET + SOCKET + DONE)) == ([UdpSocket(67, 0, PORT, 0x491EB8)] * 2, True)


def test_a_kernel_that_does_not_tell_is_heard() -> None:
    refused = struct.pack("=IHHII", 36, 2, 0, 1, 0) + struct.pack("=i", -2) + bytes(16)
    with pytest.raises(FileNotFoundError):
        parse_dump(refused)


@settings(max_examples=unless_quick(60))
@given(st.one_of(st.binary(max_size=200), st.integers(0, 110).map(lambda at: bytes.fromhex(SOCKET + DONE)[:at])))
def test_nothing_that_a_kernel_says_makes_a_traceback(answer: bytes) -> None:
    with suppress(OSError):
        parse_dump(answer)
    parse_packet_sockets(answer)
    parse_addresses(answer)


def test_this_kernel_tells_of_a_socket_and_whose_it_is() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.bind(("127.0.0.1", 0))
        inode = os.fstat(mine.fileno()).st_ino
        port = mine.getsockname()[1]
        try:
            found = udp_sockets(port)
        except OSError as error:
            pytest.skip(f"this kernel does not list its sockets: {error}")
        assert found == (UdpSocket(port, 0, 0, inode),)
        process, held = owners({inode})[inode]
        assert process.pid == os.getpid()
        assert inode in held
    assert udp_sockets(1) == ()


@pytest.mark.parametrize(
    ("device", "packets", "expected"),
    [
        (PORT, {}, (Listener("dnsmasq (process 812)", bound=True),)),
        (OTHER, {}, ()),  # libvirt's, on a bridge of its own
        (0, {}, (Listener("dnsmasq (process 812)", bound=False),)),
        (0, {78: PORT}, (Listener("dnsmasq (process 812)", bound=True),)),  # as ISC's
        (0, {78: OTHER}, (Listener("dnsmasq (process 812)", bound=False),)),
        (0, {79: PORT}, (Listener("dnsmasq (process 812)", bound=False),)),  # a capture of somebody else's
    ],
)
def test_who_hears_the_ports_clients(device: int, packets: dict[int, int], expected: tuple[Listener, ...]) -> None:
    assert listeners_of(PORT, [UdpSocket(67, 0, device, 77)], packets, {77: (DNSMASQ, {77, 78})}) == expected


def test_a_program_that_is_not_seen_is_said_to_be_one() -> None:
    (found,) = listeners_of(PORT, [UdpSocket(67, 0, PORT, 77)], {}, {})
    with pytest.raises(InfrastructureError, match="enp3s0: a program that is not seen from here listens there"):
        refuse_bound(OwnHost((found,)), "enp3s0")


def test_the_tables_of_proc() -> None:
    assert parse_packet_sockets(PACKETS) == {4816426: 3}  # the other one hears LLDP alone
    assert parse_addresses(TRIE) == {"192.168.1.9"}


def test_an_address_of_this_host_is_not_the_benchs() -> None:
    with pytest.raises(InfrastructureError, match=r"127\.0\.0\.1, which is to be the bench's .* of this host itself"):
        refuse_addresses([IPv4Address("127.0.0.1")], "enp3s0")
    refuse_addresses([IPv4Address("192.0.2.1")], "enp3s0")


def test_a_kernel_that_does_not_tell_means_that_servers_have_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(port: int) -> tuple[UdpSocket, ...]:
        raise FileNotFoundError(port)

    assert not look("none0").to_be_asked
    monkeypatch.setattr(own_host, "udp_sockets", refuses)
    found = look("lo")
    assert (found.listeners, found.to_be_asked, str(found)) == ((), True, "a program that is not seen from here")
