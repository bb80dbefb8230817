"""A device with a web server of its own: one answer for each connection, at a port that the kernel chooses.

A client that is slow to ask is dropped. Of more connections than the device can have at once the next ones are closed
unanswered. A device that starts itself again cuts those that are open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from hil.sim.device import DevicePlace
from hil.sim.devices.firmware import Answer, Firmware
from hil.sim.devices.http import LONGEST_HEAD, BadRequest, Reply, Request, read_request
from hil.sim.devices.metering import Metering

_HOST: Final = "127.0.0.1"
_ASK_SECONDS: Final = 10.0


class WebDevice:
    """See `hil.sim.device.Device`.

    Args:
        name: its plan's.
        firmware: its contacts.
        metering: its meter.
        answer: does what a request asks for; None says nothing, and does nothing.
        connections: how many it has at once at most.
    """

    def __init__(
        self,
        name: str,
        firmware: Firmware,
        metering: Metering,
        answer: Callable[[Request], Reply | None],
        *,
        connections: int,
    ) -> None:
        self.name = name
        self.outlets = firmware.outlets
        self.faults = firmware.faults
        self._firmware = firmware
        self._metering = metering
        self._answer = answer
        self._connections = connections
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        firmware.on_restart(self._cut)

    async def start(self, place: DevicePlace) -> str:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, _HOST, 0, limit=LONGEST_HEAD)
        self._metering.start(place)
        return f"{_HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Off the network."""
        if self._server is not None:
            self._server.close()
        tasks = list(self._clients)
        self._cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._metering.close()

    def _cut(self) -> None:
        for writer in self._clients.values():
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._firmware.starting or len(self._clients) >= self._connections:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._clients[task] = writer
        task.add_done_callback(self._clients.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await self._reply(reader)
            if reply is None:
                await self._wait_for_the_end(reader)
                return
            writer.write(reply)
            await writer.drain()
        except (ConnectionError, TimeoutError):
            pass  # the client is gone, or asks for nothing
        finally:
            writer.close()

    async def _reply(self, reader: asyncio.StreamReader) -> bytes | None:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                request = await read_request(reader)
        except BadRequest:
            return Reply(b"Bad Request", status=400, kind="text/plain").encode()
        reply = None if request is None or self._firmware.deaf() else self._answer(request)
        if reply is None:
            return None
        whole, cut = reply.encode(), reply.encode(cut=True)
        return await self._firmware.deliver(Answer(whole, reply.channel), lambda data: cut)

    async def _wait_for_the_end(self, reader: asyncio.StreamReader) -> None:
        """Say nothing until the client gives up; what else it sends is thrown away."""
        while await reader.read(LONGEST_HEAD):
            pass
