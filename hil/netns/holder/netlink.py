"""Three requests of rtnetlink(7), as bytes: an interface moved into a process's network, or a new one made there.

A new one's lower interface (IFLA_LINK) is of the network that the request comes from, itself it is where
IFLA_NET_NS_PID says (net/core/rtnetlink.c, rtnl_newlink): a share of a host's port is never on the host. Source of the
numbers: linux/netlink.h, linux/rtnetlink.h, linux/if_link.h.
"""

import os
import socket
import struct

_RTM_NEWLINK, _NLMSG_ERROR = 16, 2
_REQUEST_ACK, _CREATE_EXCL = 1 | 4, 0x400 | 0x200
_IFLA_IFNAME, _IFLA_LINK, _IFLA_LINKINFO, _IFLA_NET_NS_PID = 3, 5, 18, 19
_INFO_KIND, _INFO_DATA = 1, 2
_IFLA_MACVLAN_MODE, _MODE_BRIDGE = 1, 4
_IFLA_VLAN_ID = 1
_ANSWER = 1 << 13


def moved(index: int, pid: int) -> bytes:
    """The interface of that number goes into the network of that process."""
    return _request(_REQUEST_ACK, index, _attribute(_IFLA_NET_NS_PID, struct.pack("=I", pid)))


def macvlan(index: int, name: str, pid: int) -> bytes:
    """A new interface with an address of its own on the wire of another one, which stays its host's.

    Mode "bridge": others on the same port are reached as well (ip-link(8)).

    Args:
        index: the lower interface's number.
        name: the new one's.
        pid: a process of the network that it is in.
    """
    return _made(index, name, pid, "macvlan", _attribute(_IFLA_MACVLAN_MODE, struct.pack("=I", _MODE_BRIDGE)))


def vlan(index: int, number: int, name: str, pid: int) -> bytes:
    """A new interface that has the frames with one 802.1Q tag on the wire of another.

    Args:
        index: the lower interface's number.
        number: of the VLAN, 1 to 4094.
        name: the new one's.
        pid: a process of the network that it is in.
    """
    return _made(index, name, pid, "vlan", _attribute(_IFLA_VLAN_ID, struct.pack("=H", number)))


def ask_kernel(request: bytes) -> None:
    """Send one of these, and wait for its answer.

    Raises:
        OSError: the kernel refuses; why, by its number.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(request)
        answer = netlink.recv(_ANSWER)
    kind, number = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
    if kind != _NLMSG_ERROR or number != 0:
        raise OSError(-number, os.strerror(-number))


def _made(index: int, name: str, pid: int, kind: str, data: bytes) -> bytes:
    info = _attribute(_INFO_KIND, kind.encode()) + _attribute(_INFO_DATA, data)
    attributes = _attribute(_IFLA_IFNAME, name.encode() + b"\0") + _attribute(_IFLA_LINK, struct.pack("=I", index))
    attributes += _attribute(_IFLA_LINKINFO, info) + _attribute(_IFLA_NET_NS_PID, struct.pack("=I", pid))
    return _request(_REQUEST_ACK | _CREATE_EXCL, 0, attributes)


def _attribute(kind: int, value: bytes) -> bytes:
    head = struct.pack("=HH", 4 + len(value), kind)
    return head + value + bytes(-len(value) % 4)


def _request(flags: int, index: int, attributes: bytes) -> bytes:
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), _RTM_NEWLINK, flags, 1, 0) + body
