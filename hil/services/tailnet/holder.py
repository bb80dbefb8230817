"""Holds a network namespace of its own, and joins each connection of a unix socket to one TCP address in there.

Run as `holder.py DESCRIPTOR ADDRESS PORT`, a plain script that imports nothing of hil; the descriptor is a listening
unix socket. The namespace has no name, so it ends with the last process in it. Its one interface is lo, with ADDRESS
on it, and there is no route: nothing leaves. Says one line: "ready net", "ready user" (a user namespace had to go
around it), or "refused: WHY", and ends with status 1.
"""

import asyncio
import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

# linux/sched.h, linux/sockios.h and linux/if.h; a `struct ifreq` is 40 bytes where pointers have 8 (netdevice(7)).
_NEWUSER, _NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C
_IFF_UP = 1
_IFREQ = "16s24s"
_PIECE = 1 << 16


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _enter() -> str:
    """Leave the host's network: alone where that is allowed, else within a user namespace (user_namespaces(7))."""
    try:
        _unshare(_NEWNET)
    except OSError:
        user, group = os.geteuid(), os.getegid()
        _unshare(_NEWUSER | _NEWNET)
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")
        return "user"
    return "net"


def _configure(address: str) -> None:
    """lo up, which gives it 127.0.0.1; then the address on it, alone in its network."""

    def place(text: str) -> bytes:
        return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(text))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack(_IFREQ, b"lo", struct.pack("=h", _IFF_UP)))
        fcntl.ioctl(control, _SIOCSIFADDR, struct.pack(_IFREQ, b"lo:bench", place(address)))
        fcntl.ioctl(control, _SIOCSIFNETMASK, struct.pack(_IFREQ, b"lo:bench", place("255.255.255.255")))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def _serve(listener: socket.socket, address: str, port: int, how: str) -> None:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            there, to_there = await asyncio.open_connection(address, port)
            writers.append(to_there)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, to_there))
                both.create_task(_pass_on(there, writer))
        except* OSError:
            pass  # nobody listens there, or one of the two is gone: the other is told by the end of its connection
        finally:
            for each in writers:
                each.close()

    server = await asyncio.start_unix_server(join, sock=listener)
    sys.stdout.write(f"ready {how}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main(descriptor: int, address: str, port: int) -> int:
    """Hold it until killed; 1 where it is refused."""
    try:
        how = _enter()
        _configure(address)
    except OSError as error:
        sys.stdout.write(f"refused: {error.strerror}\n")
        return 1
    asyncio.run(_serve(socket.socket(fileno=descriptor), address, port, how))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
