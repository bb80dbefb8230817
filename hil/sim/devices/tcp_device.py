"""A device that is reached by TCP, at a port that the kernel chooses. Owns its connections; speaks no protocol.

Of more connections than the device can have at once the next ones are closed unanswered. A device that starts itself
again cuts those that are open, and takes none until it is up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from hil.sim.device import DevicePlace
from hil.sim.devices.firmware import Firmware
from hil.sim.devices.metering import Metering

if TYPE_CHECKING:
    from ssl import SSLContext

_HOST: Final = "127.0.0.1"
_LIMIT: Final = 8192


class TcpDevice:
    """See `hil.sim.device.Device`.

    Args:
        name: its plan's.
        firmware: its contacts.
        talk: has one connection, until it returns or the client is gone.
        connections: how many it has at once at most.
        metering: its meter, if it has one.
        tls: goes around each connection, if it has that.
    """

    def __init__(
        self,
        name: str,
        firmware: Firmware,
        talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        *,
        connections: int,
        metering: Metering | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self.name = name
        self.outlets = firmware.outlets
        self.faults = firmware.faults
        self._firmware = firmware
        self._talk = talk
        self._connections = connections
        self._metering = metering
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        firmware.on_restart(self._cut)

    async def start(self, place: DevicePlace) -> str:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, _HOST, 0, limit=_LIMIT, ssl=self._tls)
        if self._metering is not None:
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
        if self._metering is not None:
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
            await self._talk(reader, writer)
        except (ConnectionError, TimeoutError):
            pass  # the client is gone, or asks for nothing
        finally:
            writer.close()
