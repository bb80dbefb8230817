"""What the twin's switching devices do alike: contacts, and the faults of their firmware. Speaks no protocol.

A firmware knows what it told its contacts and not what they do, so that a welded one reads as it was told. After
power-up all are open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from hil.sim.device import Faults, Outlet
from hil.sim.plan import DevicePlan

_RESTART_SECONDS: Final = 2.0
_SLOW_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device says to one request.

    Args:
        data: all its bytes.
        channel: that it is about; None for the whole device.
    """

    data: bytes
    channel: int | None = None


class Firmware:
    """The contacts of a device and what is wrong with it.

    Args:
        plan: of the device; its option `slow` is how many seconds late an answer comes during that fault.
        channels: as the real device counts them.
    """

    def __init__(self, plan: DevicePlan, channels: Iterable[int]) -> None:
        self.faults = Faults()
        self.outlets = {channel: Outlet() for channel in channels}
        self._slow = float(plan.options.get("slow") or _SLOW_SECONDS)
        self._restarting: asyncio.TimerHandle | None = None
        self._restarts: list[Callable[[], None]] = []
        self.faults.watch(self._fault)

    def on_restart(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the device starts itself again."""
        self._restarts.append(callback)

    @property
    def starting(self) -> bool:
        """Whether it has started itself again just now, and hears nothing yet."""
        return self._restarting is not None

    def deaf(self, channel: int | None = None) -> bool:
        """Whether a request about this channel is not even read."""
        return self.starting or self.faults.active("silent", channel)

    def switch(self, channel: int, on: bool) -> None:
        """Command a contact, or, with the fault `wrong-channel`, its neighbour; a device of one channel has none."""
        if self.faults.active("wrong-channel", channel):
            channels = sorted(self.outlets)
            channel = channels[(channels.index(channel) + 1) % len(channels)]
            if len(channels) == 1:
                return
        self.outlets[channel].command(on)

    def state(self, channel: int) -> bool:
        """What it says of a contact: what that was told; with the fault `lying`, the contrary of what it does."""
        outlet = self.outlets[channel]
        return not outlet.conducts if self.faults.active("lying", channel) else outlet.commanded

    async def deliver(self, answer: Answer, spoil: Callable[[bytes], bytes]) -> bytes | None:
        """What goes out of an answer, when it is time; None for nothing.

        Args:
            answer: as it should be.
            spoil: makes bytes of it that a careful reader refuses.
        """
        if self.faults.active("dropped-reply", answer.channel):
            return None
        if self.faults.active("slow", answer.channel):
            await asyncio.sleep(self._slow)
        return spoil(answer.data) if self.faults.active("checksum", answer.channel) else answer.data

    def _fault(self, name: str, channel: int | None, on: bool) -> None:
        if name == "reboots" and on:
            if self._restarting is not None:
                self._restarting.cancel()
            self._restarting = asyncio.get_running_loop().call_later(_RESTART_SECONDS, self._started)
            for outlet in self.outlets.values():
                outlet.command(False)
            for callback in self._restarts:
                callback()

    def _started(self) -> None:
        self._restarting = None
