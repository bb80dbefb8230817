"""A serial server that a board's UART is wired to, raw: one TCP connection at a time, bytes as they are.

Its own end of the line has a fixed speed (option `baud`). Unplugged it is off the network: connections break, new ones
are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from hil.sim.device import DevicePlace, Faults, Outlet
from hil.sim.plan import DevicePlan

_HOST: Final = "127.0.0.1"
_PIECE: Final = 1 << 16
# Bytes that a client leaves unread before those that follow are lost.
_HELD: Final = 1 << 18


class Codec(Protocol):
    """What a serial server and its client say to each other besides the line's bytes."""

    baud: int
    """Of the server's end of the line, bits per second."""

    def connected(self) -> bytes:
        """What is said first to a new client."""
        ...

    def decode(self, data: bytes) -> tuple[bytes, bytes]:
        """What a client sent, in any pieces: the line's bytes in it, and what is answered."""
        ...

    def encode(self, data: bytes) -> bytes:
        """The line's bytes as they go to a client."""
        ...


class Raw:
    """Nothing besides.

    Args:
        baud: bits per second.
    """

    def __init__(self, baud: int) -> None:
        self.baud = baud

    def connected(self) -> bytes:
        """Nothing."""
        return b""

    def decode(self, data: bytes) -> tuple[bytes, bytes]:
        """As they are."""
        return data, b""

    def encode(self, data: bytes) -> bytes:
        """As they are."""
        return data


class TcpConsole:
    """See `hil.sim.device.Console`.

    Args:
        name: its plan's.
        codec: what it speaks.
    """

    def __init__(self, name: str, codec: Codec) -> None:
        self.name = name
        self.faults = Faults()
        self.outlets: Mapping[int, Outlet] = {}
        self.lost = 0
        self._codec = codec
        self._port = 0
        self._server: asyncio.Server | None = None
        self._client: asyncio.StreamWriter | None = None
        self._typed: Callable[[bytes], None] = lambda data: None
        self._tasks: set[asyncio.Task[None]] = set()
        self.faults.watch(self._fault)

    @property
    def baud(self) -> int:
        """Of its end of the line, bits per second."""
        return self._codec.baud

    def attach(self, typed: Callable[[bytes], None]) -> None:
        """Have `typed` called with what is sent to the board."""
        self._typed = typed

    def heard(self, data: bytes) -> None:
        """Bytes came from the board."""
        if self._client is None or self._client.transport.get_write_buffer_size() > _HELD:
            self.lost += len(data)
        else:
            self._client.write(self._codec.encode(data))

    async def start(self, place: DevicePlace) -> str:
        """Listen, at a port that the kernel chooses."""
        await self._listen()
        return f"{_HOST}:{self._port}"

    async def close(self) -> None:
        """Off the network."""
        self._hang_up()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._hang_up()  # what a task that was under way has opened

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, _HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._client is not None:
            self._client.transport.abort()

    def _fault(self, name: str, channel: int | None, on: bool) -> None:
        if name != "unplugged":
            return
        if on:
            self._hang_up()
        elif self._server is None:
            self._own(asyncio.create_task(self._listen()))

    def _own(self, task: asyncio.Task[None]) -> None:
        """Wait for its end before this device is closed."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._own(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._client is not None:  # a line has one reader
            writer.close()
            return
        self._client = writer
        try:
            writer.write(self._codec.connected())
            while data := await reader.read(_PIECE):
                typed, answer = self._codec.decode(data)
                writer.write(answer)
                if typed:
                    self._typed(typed)
        except ConnectionError:
            pass  # the client is gone, in its way
        finally:
            self._client = None
            writer.close()


def create(plan: DevicePlan) -> TcpConsole:
    """A raw serial server; option `baud`."""
    return TcpConsole(plan.name, Raw(int(plan.options.get("baud") or 115200)))
