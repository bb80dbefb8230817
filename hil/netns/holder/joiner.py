"""Joins connections: the holder's parent listens and connects, on its own side and by sockets of the other.

A client of its unix socket makes one request a connection, a line of JSON: {"at": END, "to": END}, where an END is
["in", IP, PORT], ["out", HOST, PORT] or ["unix", PATH]. What listens `at` is joined to `to`; the answer is
{"at": [IP, PORT]}, {"at": [PATH]} or {"error": WHY}. {"neighbours": true} is answered by {"neighbours": TEXT}, the
namespace's table of who has which address (proc_net(5), /proc/net/arp).
"""

import asyncio
import json
import socket
from functools import partial
from pathlib import Path

_PIECE = 1 << 16
_REQUEST = 1 << 13
_CONNECT_SECONDS = 5.0

End = list[str | int]


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


class Joiner:
    """What is joined, until the process ends.

    Args:
        channel: to the holder's child, which makes sockets in the namespace.
        child: that one's process number.
    """

    def __init__(self, channel: socket.socket, child: int) -> None:
        self._channel = channel
        self._neighbours = Path(f"/proc/{child}/net/arp")
        self._servers: list[asyncio.Server] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of a client."""
        try:
            request = json.loads(await reader.readline())
            answer: dict[str, object] = (
                {"neighbours": self._neighbours.read_text("ascii")}
                if "neighbours" in request
                else {"at": await self._join(request["at"], request["to"])}
            )
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
