"""What can be wrong with a Raspberry Pi or its network while its bootloader runs. Says which; does few of them itself.

A fault holds from the board's power-on or begins in mid-boot; `no-link` and those of the wire may also end there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hil.clock import Deadline
from hil.sim.rom.settings import Settings

ROM_FAULTS: Final = (
    "no-link",
    "dead-flash",
    "sd-preferred",
    "wrong-option-43",
    "no-oack",
    "late-answer",
    "foreign-dhcp",
)
"""All that there are."""

_SD_FIRST: Final = 0xF21


class Faults:
    """Those that hold now; of one event loop.

    Args:
        active: those that hold from the beginning.
    """

    def __init__(self, active: Iterable[str] = ()) -> None:
        self._active = set(active)
        self._changed = asyncio.Event()

    def active(self, name: str) -> bool:
        """Whether a fault holds."""
        return name in self._active

    def change(self, name: str, *, on: bool) -> None:
        """Begin or end a fault."""
        (self._active.add if on else self._active.discard)(name)
        self._changed.set()

    async def ended(self, name: str, deadline: Deadline) -> bool:
        """Wait for the end of a fault; whether it ended in time."""
        while self.active(name):
            self._changed.clear()
            try:
                async with asyncio.timeout(deadline.remaining()):
                    await self._changed.wait()
            except TimeoutError:
                return not self.active(name)
        return True


def with_faults(settings: Settings) -> Settings:
    """What a board is like whose faults hold at its power-on: "sd-preferred" is a board that somebody has used before,
    with a system in its eMMC and that before the network.

    Args:
        settings: of the board.
    """
    if "sd-preferred" not in settings.faults:
        return settings
    return replace(settings, emmc="bootable", eeprom={**settings.eeprom, "BOOT_ORDER": _SD_FIRST})
