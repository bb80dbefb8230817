"""What a Raspberry Pi's bootloader and firmware write on GPIO 14 and 15. Knows how lines look, not when they come.

Bootloaders of about 2024 put their seconds before a line, older ones do not (raspberrypi/cmprovision issue 43 and
rpi-eeprom issue 376 have a log of each). The firmware's lines begin with MESS and its time, and come with
uart_2ndstage=1 alone (raspberrypi/firmware issue 1301).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hil.sim.rom.seconds import Seconds
from hil.sim.rom.settings import Release

_END: Final = "\r\n"


class Uart:
    """The wire's board end.

    Args:
        write: takes what is sent.
        seconds: the board's.
        release: of its bootloader.
        speaks: whether its bootloader is told to (BOOT_UART).
    """

    def __init__(self, write: Callable[[bytes], None], seconds: Seconds, release: Release, *, speaks: bool) -> None:
        self._write = write
        self._seconds = seconds
        self._release = release
        self._speaks = speaks
        self.second_stage = False
        """Whether the firmware speaks too."""
        self.behind = 0.0
        """How far this stage's stamps are behind the board's seconds: each stage of a bootloader counts for itself."""

    @property
    def stamped(self) -> bool:
        """Whether lines have their seconds before them."""
        return self._release != "2021"

    def line(self, text: str) -> None:
        """A line of the bootloader's."""
        self._say(f"{self._stamp():6.2f} {text}" if self.stamped else text)

    def item(self, text: str) -> None:
        """A line of a list of the bootloader's, which has its seconds at its end (rpi-eeprom issue 687)."""
        self._say(f"\t{text} {self._stamp():5.2f}" if self.stamped else f"\t{text}")

    def plain(self, text: str) -> None:
        """A line of the bootloader's without a stamp."""
        self._say(text)

    def message(self, text: str) -> None:
        """A line of the firmware's."""
        if self.second_stage:
            minutes, seconds = divmod(self._seconds.now, 60)
            hours, minutes = divmod(int(minutes), 60)
            self._write(f"MESS:{hours:02d}:{minutes:02d}:{seconds:09.6f}:0: {text}{_END}".encode("ascii", "replace"))

    def _stamp(self) -> float:
        return max(0.0, self._seconds.now - self.behind)

    def _say(self, text: str) -> None:
        if self._speaks:
            self._write(f"{text}{_END}".encode("ascii", "replace"))
