"""The holder's child: enters a namespace of its own, sets it up, and makes sockets there until the parent ends."""

import ctypes
import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import cast

from hil.netns.holder.links import Links
from hil.netns.privileges import HOLDER_INSIDE, drop

# linux/sched.h
_NEWUSER, _NEWNET = 0x10000000, 0x40000000
_REQUEST = 1 << 13


def live(channel: socket.socket, plan: dict[str, object]) -> int:
    """Enter, set up, say so, and send a socket for each request.

    Args:
        channel: to the parent. It is told "net" or "user" first where it has to give interfaces of the host, and then
            sends a word; then "ready HOW PID", or "refused: WHY". A request is JSON: null for a socket, or
            [IP, PORT] for one that listens there.
        plan: see `hil.netns.holder.__main__`.
    """
    try:
        how = _enter(plan["root"] is True)
        if plan["nics"] or plan["wire"]:
            channel.send(how.encode())
            if not channel.recv(_REQUEST):
                return 1
        _configure(plan)
        drop(HOLDER_INSIDE)
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        channel.send(f"refused: {what}{error.strerror}".encode())
        return 1
    channel.send(f"ready {how} {os.getpid()}".encode())
    while request := channel.recv(_REQUEST):
        try:
            with _made(json.loads(request)) as made:
                socket.send_fds(channel, [b"made"], [made.fileno()])
        except OSError as error:
            channel.send(str(error.strerror).encode())
    return 0


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _enter(root: bool) -> str:
    """Leave the host's network: alone where that is allowed, else within a user namespace (user_namespaces(7))."""
    try:
        _unshare(_NEWNET)
    except OSError:
        user, group = os.geteuid(), os.getegid()
        _unshare(_NEWUSER | _NEWNET)
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"{0 if root else user} {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"{0 if root else group} {group} 1", "ascii")
        return "user"
    return "net"


def _configure(plan: dict[str, object]) -> None:
    links = Links()
    links.up("lo")
    bridge, wire = cast(str, plan["bridge"]), cast("dict[str, object] | None", plan["wire"])
    home = bridge or ("lo" if wire is None else str(wire["name"]))
    if bridge:
        links.bridge(bridge)
    for number, address in enumerate(cast("list[str]", plan["addresses"])):
        # lo has 127.0.0.1 without a label, from the moment that it is up.
        links.address(f"{home}:{number}" if number or home == "lo" else home, address)
    for tap in cast("list[str]", plan["taps"]):
        links.tap(tap, bridge)
    for nic in cast("list[str]", plan["nics"]):
        links.port(nic, bridge)
    if wire is not None:
        _without_ipv6(home)
    # On a wire that others are on too, whose addresses these are is asked first (hil.netboot.lan.ask_wire).
    links.up(home, arp=wire is None)
    links.close()


def _without_ipv6(name: str) -> None:
    """A router's announcement would give the namespace a route out of it (RFC 4861, section 6.3.4; ip-sysctl.rst)."""
    # A kernel without IPv6 has no such file; a container whose /proc/sys cannot be written keeps IPv6.
    with suppress(OSError):
        Path("/proc/sys/net/ipv6/conf", name, "disable_ipv6").write_text("1", "ascii")


def _made(listen_at: "tuple[str, int] | None") -> socket.socket:
    if listen_at is None:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    return socket.create_server((listen_at[0], listen_at[1]), backlog=128)
