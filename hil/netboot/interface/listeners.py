"""Which sockets of this host hear DHCP clients, and whose they are. Sends nothing, judges nothing.

The kernel is asked by sock_diag(7), as /proc/net/udp does not say which device a socket is bound to; a process is
found by its descriptors (proc(5)). Source of the numbers: linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DHCP_PORT: Final = 67
"""Where a DHCP server hears clients (RFC 2131, section 4.1)."""

_SOCK_DIAG_BY_FAMILY, _NLMSG_ERROR, _NLMSG_DONE = 20, 2, 3
_REQUEST_DUMP: Final = 1 | 0x300
_NETLINK_SOCK_DIAG, _UDP, _ANY_STATE = 4, 17, 0xFFFFFFFF
_PIECE: Final = 1 << 16
# struct nlmsghdr; struct inet_diag_msg up to its cookie, whose ports are in network order, and then its inode.
_HEAD: Final = struct.Struct("=IHHII")
_PORTS: Final = struct.Struct("!4xHH")
_DEVICE, _INODE = (40, struct.Struct("=I")), (68, struct.Struct("=I"))
_MESSAGE: Final = 72
_PATIENCE: Final = 5.0
# net/packet/af_packet.c, packet_seq_show: address, RefCnt, Type, Proto (hexadecimal; ETH_P_ALL is 3), Iface, R, Rmem,
# User, Inode.
_PACKET_LINE: Final = re.compile(
    rb"^[0-9a-fA-F]{1,16} +\d+ +\d+ +0003 +(\d{1,10}) +\d+ +\d+ +\d+ +(\d{1,20}) *$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class UdpSocket:
    """One UDP socket of this host.

    Args:
        port: its own.
        peer: the port that it is connected to; 0 for one that hears everybody.
        device: the number of the interface that it is bound to; 0 for none.
        inode: its number, unique on this host.
    """

    port: int
    peer: int
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Process:
    """A process of this host.

    Args:
        pid: its number.
        name: as the kernel has it, up to 15 letters.
    """

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def udp_sockets(port: int) -> tuple[UdpSocket, ...]:
    """The UDP sockets of this process's network at a port: those of IPv4, and of IPv6, which may hear IPv4 too.

    Raises:
        OSError: the kernel does not tell: it has no udp_diag, or this process may not ask.
    """
    found: list[UdpSocket] = []
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as asks:
            asks.settimeout(_PATIENCE)
            asks.send(_request(family))
            ended = False
            while not ended:
                some, ended = parse_dump(asks.recv(_PIECE))
                found += some
    return tuple(each for each in found if each.port == port and not each.peer)


def parse_dump(answer: bytes) -> tuple[list[UdpSocket], bool]:
    """The sockets in one piece of the kernel's answer, and whether it is the last.

    Args:
        answer: messages of netlink(7). One that is cut short ends it.

    Raises:
        OSError: it is a refusal.
    """
    found: list[UdpSocket] = []
    at = 0
    while at + _HEAD.size <= len(answer):
        length, kind, *_ = _HEAD.unpack_from(answer, at)
        body = answer[at + _HEAD.size : at + length]
        if length < _HEAD.size or len(body) < length - _HEAD.size or kind == _NLMSG_DONE:
            return found, True
        if kind == _NLMSG_ERROR:
            number = -int.from_bytes(body[:4], sys.byteorder, signed=True)
            raise OSError(number, "the kernel does not list its sockets")
        if kind == _SOCK_DIAG_BY_FAMILY and len(body) >= _MESSAGE:
            device, inode = (word.unpack_from(body, where)[0] for where, word in (_DEVICE, _INODE))
            port, peer = _PORTS.unpack_from(body)
            found.append(UdpSocket(port, peer, device, inode))
        at += (length + 3) & ~3
    return found, not answer


def _request(family: int) -> bytes:
    wanted = struct.pack("=BBBxI", family, _UDP, 0, _ANY_STATE) + bytes(40) + b"\xff" * 8
    return _HEAD.pack(_HEAD.size + len(wanted), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + wanted


def parse_packet_sockets(table: bytes) -> dict[int, int]:
    """The interface's number (0 for all of them) by the inode of each packet socket that hears every protocol, of the
    text of /proc/net/packet.

    ISC's and Kea's DHCP servers hear by those, and have a UDP socket besides that is bound to no device (dhcp 4.4.3,
    as seen; kea, src/lib/dhcp/pkt_filter_lpf.cc). One for LLDP alone, as systemd-networkd has on
    each port, is none of those.
    """
    return {int(inode): int(device) for device, inode in _PACKET_LINE.findall(table)}


def owners(inodes: Collection[int]) -> dict[int, tuple[Process, frozenset[int]]]:
    """Whose sockets these are, as far as this process sees others: the one with the lowest number, where several are.

    Returns:
        By the inode: the process, and the inodes of all its sockets.
    """
    found: dict[int, tuple[Process, frozenset[int]]] = {}
    wanted = frozenset(inodes)
    for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        if wanted <= found.keys():
            break
        held = frozenset(_sockets_of(pid))
        for inode in (held & wanted) - found.keys():
            found[inode] = Process(pid, _name_of(pid)), held
    return found


def _sockets_of(pid: int) -> Iterator[int]:
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry.path))  # noqa: PTH115 - a target that is no path
            if found is not None:
                yield int(found[1])
    except OSError:
        return  # it has ended meanwhile, or is another user's


def _name_of(pid: int) -> str:
    try:
        name = Path(f"/proc/{pid}/comm").read_bytes().decode("utf-8", "replace").strip()
    except OSError:
        return "a program that has ended"
    return "".join(letter if letter.isprintable() else "?" for letter in name)
