"""A device that is asked by datagrams, at a port that the kernel chooses. Owns its socket; speaks no protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from hil.sim.device import DevicePlace
from hil.sim.devices.firmware import Answer, Firmware

_HOST: Final = "127.0.0.1"
_Address: TypeAlias = tuple[str, int]


class UdpDevice(asyncio.DatagramProtocol):
    """See `hil.sim.device.Device`.

    Args:
        name: its plan's.
        firmware: its contacts.
        answer: does what a datagram asks for; None says nothing.
        spoil: makes an answer one that is none.
        begin: told where the device is, before the first datagram.
    """

    def __init__(
        self,
        name: str,
        firmware: Firmware,
        answer: Callable[[bytes], Answer | None],
        *,
        spoil: Callable[[bytes], bytes],
        begin: Callable[[DevicePlace], None],
    ) -> None:
        self.name = name
        self.outlets = firmware.outlets
        self.faults = firmware.faults
        self._firmware = firmware
        self._answer = answer
        self._spoil = spoil
        self._begin = begin
        self._socket: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, place: DevicePlace) -> str:
        """Listen."""
        self._begin(place)
        loop = asyncio.get_running_loop()
        self._socket, _ = await loop.create_datagram_endpoint(lambda: self, (_HOST, 0))
        return f"{_HOST}:{self._socket.get_extra_info('sockname')[1]}"

    async def close(self) -> None:
        """Off the network."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    def datagram_received(self, data: bytes, addr: _Address) -> None:
        """Called by the loop."""
        if self._firmware.deaf():
            return
        answer = self._answer(data)
        if answer is not None:
            task = asyncio.create_task(self._send(answer, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, answer: Answer, address: _Address) -> None:
        data = await self._firmware.deliver(answer, self._spoil)
        if data is not None and self._socket is not None and not self._firmware.starting:
            self._socket.sendto(data, address)
