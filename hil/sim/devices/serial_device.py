"""A device on a serial line: reads what comes, gives it to its codec, sends the answers. Knows no protocol.

What is sent at another speed than the device's own arrives as other bytes (`hil.sim.uart`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from hil.sim.devices.firmware import Answer, Firmware
from hil.sim.devices.pty_device import PtyDevice
from hil.sim.line import PtyLine
from hil.sim.uart import received


class Codec(Protocol):
    """What a device makes of a line's bytes."""

    @property
    def patience(self) -> float | None:
        """How many seconds of silence end a request that has begun; None for as many as there may be."""
        ...

    def feed(self, data: bytes) -> list[Answer]:
        """Do what these bytes, after those before them, ask for; the answers, if there are any."""
        ...

    def forget(self) -> None:
        """Forget a request that has not come to its end."""
        ...


class SerialDevice(PtyDevice):
    """See `hil.sim.device.Device`.

    Args:
        name: its plan's.
        firmware: its contacts.
        codec: its protocol.
        baud: its speed, bits per second.
        spoil: makes an answer one with a wrong sum.
    """

    def __init__(
        self, name: str, firmware: Firmware, codec: Codec, *, baud: int, spoil: Callable[[bytes], bytes]
    ) -> None:
        super().__init__(name)
        self.outlets = firmware.outlets
        self.faults = firmware.faults
        self._firmware = firmware
        self._codec = codec
        self._baud = baud
        self._spoil = spoil
        firmware.on_restart(codec.forget)

    async def _serve(self, line: PtyLine) -> None:
        while True:
            try:
                async with asyncio.timeout(self._codec.patience):
                    data = await line.read()
            except TimeoutError:
                self._codec.forget()
                continue
            if self._firmware.starting:
                continue
            for answer in self._codec.feed(received(data, line.baud, self._baud)):
                sent = await self._firmware.deliver(answer, self._spoil)
                if sent is not None and not self._firmware.starting:
                    line.write(received(sent, self._baud, line.baud))
