"""What the faults do to any device that switches: silence, delay, lies, the wrong contact, a reboot. Speaks no bytes.

A device asks it at each request; what a fault does to the bytes of an answer is the device's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from hil.sim.device import Faults, Outlet

SLOW: Final = 3.0
"""Seconds that a device with the fault `slow` takes to answer."""
REBOOT: Final = 2.0
"""Seconds that a device is silent after the fault `reboots`."""


class Mood:
    """A device's faults, as they act on its contacts.

    Args:
        faults: the device's.
        outlets: its contacts; those that conduct at power-up are the ones that do so now.
    """

    def __init__(self, faults: Faults, outlets: Mapping[int, Outlet]) -> None:
        self._faults = faults
        self._outlets = outlets
        self._at_power_up = {channel: outlet.commanded for channel, outlet in outlets.items()}
        self._lies: dict[int, bool] = {}
        self._booting: asyncio.TimerHandle | None = None
        faults.watch(self._changed)

    def silent(self, channel: int | None) -> bool:
        """Whether a request is neither acted upon nor answered now."""
        return self._booting is not None or self._faults.active("silent", channel)

    def command(self, channel: int, on: bool) -> None:
        """Switch, or what the faults make of it; nothing where there is no such channel."""
        if channel not in self._outlets:
            return
        if self._faults.active("lying", channel):
            self._lies[channel] = on
            return
        if self._faults.active("wrong-channel", channel):
            channels = list(self._outlets)
            channel = channels[(channels.index(channel) + 1) % len(channels)]
        self._outlets[channel].command(on)

    def claims(self, channel: int) -> bool:
        """What the device says of a channel: what it was told, as it has no sensor at its contact."""
        return self._lies.get(channel, self._outlets[channel].commanded)

    async def hesitate(self) -> None:
        """Let the time pass that a slow device takes."""
        if self._faults.active("slow"):
            await asyncio.sleep(SLOW)

    def close(self) -> None:
        """Stop booting."""
        if self._booting is not None:
            self._booting.cancel()

    def _changed(self, name: str, channel: int | None, on: bool) -> None:
        if name == "lying" and not on:
            self._lies.clear()
        elif name == "reboots" and on:
            for number, outlet in self._outlets.items():
                outlet.command(self._at_power_up[number])
            self.close()
            self._booting = asyncio.get_running_loop().call_later(REBOOT, self._up)

    def _up(self) -> None:
        self._booting = None
