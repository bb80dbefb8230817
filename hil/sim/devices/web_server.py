"""The web server of a small device: one answer for each connection. Knows no paths; owns no connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from hil.sim.devices.firmware import Answer, Firmware
from hil.sim.devices.http import LONGEST_HEAD, BadRequest, Reply, Request, read_request
from hil.sim.devices.metering import Metering
from hil.sim.devices.tcp_device import TcpDevice

_ASK_SECONDS: Final = 10.0


class WebServer:
    """Answers connections.

    Args:
        firmware: the device's.
        answer: does what a request asks for; None says nothing, and does nothing.
    """

    def __init__(self, firmware: Firmware, answer: Callable[[Request], Reply | None]) -> None:
        self._firmware = firmware
        self._answer = answer

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; a client that is slow to ask is dropped.

        Raises:
            ConnectionError, TimeoutError: the client is gone, or asks for nothing.
        """
        reply = await self._reply(reader)
        if reply is None:
            await _wait_for_the_end(reader)
        else:
            writer.write(reply)
            await writer.drain()

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


def web_device(
    name: str,
    firmware: Firmware,
    metering: Metering,
    answer: Callable[[Request], Reply | None],
    *,
    connections: int,
) -> TcpDevice:
    """A device with a web server; arguments as of `TcpDevice` and `WebServer`."""
    server = WebServer(firmware, answer)
    return TcpDevice(name, firmware, server.talk, connections=connections, metering=metering)


async def _wait_for_the_end(reader: asyncio.StreamReader) -> None:
    """Say nothing until the client gives up; what else it sends is thrown away."""
    while await reader.read(LONGEST_HEAD):
        pass
