"""Holds a network namespace, and joins connections between what is in it and what is not.

Run as `holder.py PLAN [DESCRIPTOR]`, a plain script that imports nothing of hil. It says one line: "ready net PID",
"ready user PID" (a user namespace had to go around it), or "refused: WHY", and ends with status 1. PID is the process
that is in the namespace, which has no name and so ends with the last process in it. Without a descriptor it ends then:
so a host is asked what it allows.

PLAN is JSON: `root` (be root in a user namespace, or who one is outside), `addresses` (IP/PREFIX each), `bridge`
(its name; the addresses are then on it, else on lo), `taps` (names, each a port of the bridge) and `nics` (interfaces
of the host, ports of the bridge too; when the namespace ends the kernel gives them back: net/core/dev.c,
default_device_exit_net). There is no route: nothing leaves but by a join or a nic. The descriptor is a listening unix
socket that takes one request a connection, a line of JSON: {"at": END, "to": END}, where an END is ["in", IP, PORT],
["out", HOST, PORT] or ["unix", PATH]. What listens `at` is joined to `to`; the answer is {"at": [IP, PORT]},
{"at": [PATH]} or {"error": WHY}.

Two processes, as one cannot be in both networks: the child lives in the namespace and makes sockets there, which the
parent is given (SCM_RIGHTS in unix(7)); a socket stays in the namespace that it was made in (network_namespaces(7)).
"""

import asyncio
import ctypes
import errno
import fcntl
import json
import os
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

# linux/sched.h, linux/sockios.h, linux/if.h and linux/if_tun.h; a `struct ifreq` is 40 bytes where pointers have 8
# (netdevice(7)).
_NEWUSER, _NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _SIOCGIFADDR, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8915, 0x8916, 0x891C
_SIOCBRADDBR, _SIOCBRADDIF = 0x89A0, 0x89A2
_TUNSETIFF, _TUNSETPERSIST = 0x400454CA, 0x400454CB
_IFF_UP, _IFF_TAP, _IFF_NO_PI = 1, 2, 0x1000
_IFREQ = "16s24s"
_TUN = "/dev/net/tun"
# linux/netlink.h, linux/rtnetlink.h, linux/if_link.h; rtnetlink(7)
_RTM_NEWLINK, _NLM_F_REQUEST_ACK, _NLMSG_ERROR, _IFLA_NET_NS_PID = 16, 1 | 4, 2, 19
_PIECE = 1 << 16
_REQUEST = 1 << 13
_CONNECT_SECONDS = 5.0

End = list[str | int]


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


class _Links:
    """The interfaces of the namespace that this process is in; each error names what was refused."""

    def __init__(self) -> None:
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def up(self, name: str) -> None:
        self._set(_SIOCSIFFLAGS, name, struct.pack("=h", _IFF_UP))

    def address(self, name: str, text: str) -> None:
        """IP/PREFIX on an interface, or on a label of it ("lo:1")."""
        ip, _, prefix = text.partition("/")
        mask = socket.inet_ntoa(struct.pack("!I", 0xFFFFFFFF << 32 - int(prefix) & 0xFFFFFFFF))
        for request, value in ((_SIOCSIFADDR, ip), (_SIOCSIFNETMASK, mask)):
            self._set(request, name, struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(value)))

    def bridge(self, name: str) -> None:
        try:
            fcntl.ioctl(self._control, _SIOCBRADDBR, struct.pack("16s", name.encode()))
        except OSError as error:
            raise OSError(error.errno, error.strerror, "a bridge") from error

    def tap(self, name: str, bridge: str) -> None:
        """One that waits for a program to open it, as a port of the bridge."""
        descriptor = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
            fcntl.ioctl(descriptor, _TUNSETPERSIST, 1)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"a tap by {_TUN}") from error
        finally:
            os.close(descriptor)
        self._set(_SIOCBRADDIF, bridge, struct.pack("=i", socket.if_nametoindex(name)))
        self.up(name)

    def nic(self, name: str, bridge: str) -> None:
        """One that was moved here, as a port of the bridge."""
        self._set(_SIOCBRADDIF, bridge, struct.pack("=i", socket.if_nametoindex(name)))
        self.up(name)

    def has_address(self, name: str) -> bool:
        try:
            fcntl.ioctl(self._control, _SIOCGIFADDR, struct.pack(_IFREQ, name.encode(), b""))
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._control.close()

    def _set(self, request: int, name: str, value: bytes) -> None:
        try:
            fcntl.ioctl(self._control, request, struct.pack(_IFREQ, name.encode(), value))
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"interface {name}") from error


def _configure(plan: dict[str, object]) -> None:
    links = _Links()
    links.up("lo")
    bridge = cast(str, plan["bridge"])
    if bridge:
        links.bridge(bridge)
    for number, address in enumerate(cast("list[str]", plan["addresses"])):
        # lo has 127.0.0.1 without a label, from the moment that it is up.
        links.address(f"{bridge or 'lo'}:{number}" if number or not bridge else bridge, address)
    for tap in cast("list[str]", plan["taps"]):
        links.tap(tap, bridge)
    for nic in cast("list[str]", plan["nics"]):
        links.nic(nic, bridge)
    if bridge:
        links.up(bridge)
    links.close()


def _move(name: str, pid: int) -> None:
    """Move an interface of the host into the network of a process, unless the host itself is on it."""
    links = _Links()
    try:
        if links.has_address(name):
            raise OSError(errno.EBUSY, "the host has an address on it, and would lose it", f"interface {name}")
        index = socket.if_nametoindex(name)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), f"interface {name}") from error
    finally:
        links.close()
    link = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0) + struct.pack("=HHI", 8, _IFLA_NET_NS_PID, pid)
    head = struct.pack("=IHHII", 16 + len(link), _RTM_NEWLINK, _NLM_F_REQUEST_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(head + link)
        answer = netlink.recv(_REQUEST)
    kind, number = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
    if kind != _NLMSG_ERROR or number != 0:
        raise OSError(-number, os.strerror(-number), f"interface {name}")


def _inside(channel: socket.socket, plan: dict[str, object]) -> int:
    """The child: a socket for each request, until the parent has ended."""
    try:
        how = _enter(plan["root"] is True)
        if plan["nics"]:
            channel.send(how.encode())
            if not channel.recv(_REQUEST):
                return 1
        _configure(plan)
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


def _made(listen_at: "tuple[str, int] | None") -> socket.socket:
    if listen_at is None:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    return socket.create_server((listen_at[0], listen_at[1]), backlog=128)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


class _Joiner:
    """The parent: listens and connects, on its own side and by sockets that the child has made on the other."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._servers: list[asyncio.Server] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of a client."""
        try:
            request = json.loads(await reader.readline())
            answer: dict[str, object] = {"at": await self._join(request["at"], request["to"])}
        except (OSError, LookupError, TypeError, ValueError) as error:
            answer = {"error": (error.strerror if isinstance(error, OSError) else None) or str(error)}
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    async def _join(self, at: End, to: End) -> object:
        joined = partial(self._connected, to)
        if at[0] == "unix":
            # Only who may enter the folder reaches it, and this user alone (the mask of this process is 0o177).
            self._servers.append(await asyncio.start_unix_server(joined, path=str(at[1])))
            return at[1:]
        listener = self._socket(at[1:]) if at[0] == "in" else socket.create_server((str(at[1]), int(at[2])))
        self._servers.append(await asyncio.start_server(joined, sock=listener))
        return listener.getsockname()

    def _socket(self, listen_at: object) -> socket.socket:
        """One of the namespace. The child does nothing else, so that its answer is here at once."""
        self._channel.send(json.dumps(listen_at).encode())
        said, descriptors, _, _ = socket.recv_fds(self._channel, _REQUEST, 1)
        if not descriptors:
            raise OSError(said.decode() or "the process in the namespace has ended")
        return socket.socket(fileno=descriptors[0])

    async def _connect(self, to: End) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(_CONNECT_SECONDS):
            if to[0] == "unix":
                return await asyncio.open_unix_connection(str(to[1]))
            if to[0] == "out":
                return await asyncio.open_connection(str(to[1]), int(to[2]))
            inside = self._socket(None)
            try:
                inside.setblocking(False)
                await asyncio.get_running_loop().sock_connect(inside, (str(to[1]), int(to[2])))
            except BaseException:
                inside.close()
                raise
            return await asyncio.open_connection(sock=inside)

    async def _connected(self, to: End, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            there, to_there = await self._connect(to)
            writers.append(to_there)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, to_there))
                both.create_task(_pass_on(there, writer))
        except* OSError:
            pass  # nobody listens there, or one of the two is gone: the other is told by the end of its connection
        finally:
            for each in writers:
                each.close()


async def _serve(control: socket.socket, channel: socket.socket, ready: Callable[[], None]) -> None:
    server = await asyncio.start_unix_server(_Joiner(channel).answer, sock=control)
    ready()
    await server.serve_forever()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _give_nics(channel: socket.socket, plan: dict[str, object], child: int) -> str:
    """Move the host's interfaces to the child once it is in its namespace; why that is refused, or ""."""
    nics = cast("list[str]", plan["nics"])
    if not nics:
        return ""
    how = channel.recv(_REQUEST).decode()
    if how != "net":
        return how if how.startswith("refused") else "refused: interface of the host: root alone may lend it"
    try:
        for nic in nics:
            _move(nic, child)
    except OSError as error:
        return f"refused: {error.filename}: {error.strerror}"
    channel.send(b"go")
    return ""


def main(plan: dict[str, object], descriptor: int | None) -> int:
    """Hold it until killed; 1 where it is refused."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        os._exit(_inside(theirs, plan))
    theirs.close()
    refused = _give_nics(ours, plan, child)
    if refused:
        _say(refused)
        return 1
    answer = ours.recv(_REQUEST).decode()
    if not answer.startswith("ready") or descriptor is None:
        _say(answer)
        return 0 if answer.startswith("ready") else 1
    os.umask(0o177)
    asyncio.run(_serve(socket.socket(fileno=descriptor), ours, lambda: _say(answer)))
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
