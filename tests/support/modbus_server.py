"""pymodbus's own server as the other side of a driver: on loopback, or behind a pty."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.simulator import DataType, SimData, SimDevice


@dataclass
class Seen:
    """A server that runs.

    Args:
        at: its address, or its serial line's device file.
        heard: each packet that it got.
    """

    at: str = ""
    heard: list[bytes] = field(default_factory=list)

    def packet(self, sending: bool, data: bytes) -> bytes:
        """What pymodbus tells of each."""
        if not sending:
            self.heard.append(data)
        return data


def relays(address: int = 1) -> SimDevice:
    """Eight relays as coils 0 to 7, as Waveshare's board has them; pymodbus packs coils in registers of 16."""
    off = SimData(0, values=[False] * 16, datatype=DataType.BITS)
    other = SimData(0, values=0, datatype=DataType.REGISTERS)
    return SimDevice(address, simdata=([off], [off], [other], [other]))


@contextmanager
def tcp(framer: FramerType = FramerType.SOCKET) -> Iterator[Seen]:
    """On a port of loopback that the kernel chose."""
    seen = Seen()

    async def make() -> ModbusBaseServer:
        return ModbusTcpServer(relays(), framer=framer, address=("127.0.0.1", 0), trace_packet=seen.packet)

    with _served(make) as server:
        host, port = server.transport.sockets[0].getsockname()
        seen.at = f"{host}:{port}"
        yield seen


@contextmanager
def rtu() -> Iterator[Seen]:
    """Behind two ptys, whose masters are joined: the driver has one slave, the server the other."""
    seen = Seen()
    with _joined() as (ours, theirs):
        seen.at = ours

        async def make() -> ModbusBaseServer:
            return ModbusSerialServer(relays(), port=theirs, baudrate=9600, trace_packet=seen.packet)

        with _served(make):
            yield seen


@contextmanager
def _served(make) -> Iterator[ModbusBaseServer]:  # type: ignore[no-untyped-def]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> ModbusBaseServer:
        server = await make()
        await server.serve_forever(background=True)
        return server

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.shutdown(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _joined() -> Iterator[tuple[str, str]]:
    pairs = [os.openpty(), os.openpty()]
    for _, slave in pairs:
        tty.setraw(slave)
    stop, stopper = os.pipe()
    masters = [master for master, _ in pairs]

    def pump() -> None:
        other = {masters[0]: masters[1], masters[1]: masters[0]}
        while True:
            ready, _, _ = select.select([*masters, stop], [], [])
            if stop in ready:
                return
            for master in ready:
                os.write(other[master], os.read(master, 4096))

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    try:
        yield os.ttyname(pairs[0][1]), os.ttyname(pairs[1][1])
    finally:
        os.write(stopper, b"x")
        thread.join()
        for fd in (*masters, *(slave for _, slave in pairs), stop, stopper):
            os.close(fd)
