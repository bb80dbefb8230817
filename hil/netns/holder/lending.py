"""What the holder gives its namespace of the host's interfaces: whole ones, or a share of one. The parent's part.

A share is a macvlan, an interface of its own with an address of its own on that port's wire, or the port's part of one
VLAN (802.1Q). It is made in the namespace and ends with it; the port stays the host's.
"""

import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

from hil.netns.holder.links import Links
from hil.netns.holder.netlink import ask_kernel, macvlan, moved, vlan

_ANSWER = 1 << 13
_SYS = "/sys/class/net"


def lend(channel: socket.socket, plan: dict[str, object], child: int, say: Callable[[str], None]) -> str:
    """Give the child what the plan names of the host, once it is in its namespace.

    Args:
        channel: to the child, which waits for the word that it has it.
        plan: see `hil.netns.holder.__main__`.
        child: its process.
        say: told of what was changed on the host.

    Returns:
        Why that is refused, or "".
    """
    nics, wire = cast("list[str]", plan["nics"]), cast("dict[str, object] | None", plan["wire"])
    if not nics and wire is None:
        return ""
    how = channel.recv(_ANSWER).decode()
    if how != "net":
        return how if how.startswith("refused") else "refused: interface of the host: root alone may lend it"
    links = Links()
    try:
        for nic in nics:
            _move(links, nic, child)
        if wire is not None:
            _share(links, str(wire["port"]), int(cast(int, wire["vlan"])), str(wire["name"]), child, say)
    except OSError as error:
        return f"refused: {error.filename}: {error.strerror}"
    finally:
        links.close()
    channel.send(b"go")
    return ""


def _move(links: Links, name: str, pid: int) -> None:
    """Move an interface of the host into the network of a process, unless the host itself is on it."""
    if links.has_address(name):
        raise OSError(errno.EBUSY, "the host has an address on it, and would lose it", f"interface {name}")
    _ask(name, moved(_index(name), pid))


def _share(links: Links, port: str, number: int, name: str, pid: int, say: Callable[[str], None]) -> None:
    index = _index(port)
    # A station's access point takes no frames of other addresses than its own (IEEE 802.11, three-address format).
    if Path(_SYS, port, "phy80211").exists():
        raise OSError(errno.EOPNOTSUPP, "wireless ports carry no second address", f"interface {port}")
    if not links.is_up(port):
        links.up(port)
        say(f"note: interface {port} was down; it is up now, and stays so")
    if number:
        _ask(f"{port}, VLAN {number}", vlan(index, number, name, pid))
    else:
        _ask(port, macvlan(index, name, pid))


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        raise OSError(errno.ENODEV, "there is none of that name", f"interface {name}") from error


def _ask(what: str, request: bytes) -> None:
    try:
        ask_kernel(request)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"interface {what}") from error
