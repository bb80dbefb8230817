"""What every device of the bench twin is: outlets, faults, and the place that it finds itself in.

The core (`hil.sim.twin`) makes the place and acts on the outlets' contacts; a device (`hil.sim.devices`) speaks the
bytes of a real one and commands its outlets. Neither knows a driver of hil.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, Protocol

from hil.sim.line import PtyLine

DEVICE_FAULTS: Final = (
    "silent",
    "checksum",
    "slow",
    "lying",
    "welded",
    "dropped-reply",
    "reboots",
    "wrong-channel",
)
"""Of relay boards, plugs and meters; `welded` is done by the core, the others by the device itself."""
LINE_FAULTS: Final = ("unplugged", "noise", "break", "wrong-baud")
"""Of serial lines: `unplugged` is done by the core for each device with a line, the others by consoles."""

BOARD_FAULTS: Final = ("brown-out", "silent-uart")
"""Of any board, done by its station; a board with a bootloader has those of `hil.sim.rom.faults` too."""


@dataclass(frozen=True, slots=True)
class Load:
    """What flows through a channel at a moment.

    Args:
        volts: V on the channel's load side; 0 where the contact is open, but for what the board's capacitors hold.
        amperes: A
        watts: W
        supply_volts: V on the other side, as a plug measures them whether it is on or off.
    """

    volts: float = 0.0
    amperes: float = 0.0
    watts: float = 0.0
    supply_volts: float = 0.0


class Outlet:
    """A contact: what it was told, and what it really does.

    Args:
        commanded: at the beginning.
    """

    def __init__(self, *, commanded: bool = False) -> None:
        self._commanded = commanded
        self._welded = False
        self._watchers: list[Callable[[bool], None]] = []

    @property
    def commanded(self) -> bool:
        """What the device was told last."""
        return self._commanded

    @property
    def conducts(self) -> bool:
        """What the contact really does."""
        return self._commanded or self._welded

    def command(self, on: bool) -> None:
        """Tell the contact; a welded one stays closed."""
        self._change(commanded=on, welded=self._welded)

    def weld(self) -> None:
        """From now on it is stuck where it conducts: a contact welds while it carries its load, so it closes."""
        self._change(commanded=self._commanded, welded=True)

    def mend(self) -> None:
        """It does as it is told again."""
        self._change(commanded=self._commanded, welded=False)

    def watch(self, callback: Callable[[bool], None]) -> None:
        """Have `callback` called with `conducts` each time that changes."""
        self._watchers.append(callback)

    def _change(self, *, commanded: bool, welded: bool) -> None:
        before = self.conducts
        self._commanded, self._welded = commanded, welded
        if self.conducts is not before:
            for callback in self._watchers:
                callback(self.conducts)


class Faults:
    """What is wrong with a device now, as a whole or with one of its channels."""

    def __init__(self) -> None:
        self._active: set[tuple[str, int | None]] = set()
        self._watchers: list[Callable[[str, int | None, bool], None]] = []

    def active(self, name: str, channel: int | None = None) -> bool:
        """Whether a fault holds for a channel: its own, or the whole device's. None asks for the whole device's."""
        return (name, None) in self._active or (name, channel) in self._active

    def set(self, name: str, channel: int | None = None) -> None:
        """Begin a fault, if it is not there."""
        if (name, channel) not in self._active:
            self._active.add((name, channel))
            self._tell(name, channel, True)

    def clear(self, name: str, channel: int | None = None) -> None:
        """End a fault, if it is there."""
        if (name, channel) in self._active:
            self._active.remove((name, channel))
            self._tell(name, channel, False)

    def watch(self, callback: Callable[[str, int | None, bool], None]) -> None:
        """Have `callback(name, channel, on)` called at each beginning and end; for `reboots`, which is a moment."""
        self._watchers.append(callback)

    def all(self) -> list[tuple[str, int | None]]:
        """Each that holds, sorted."""
        return sorted(self._active, key=lambda fault: (fault[0], -1 if fault[1] is None else fault[1]))

    def _tell(self, name: str, channel: int | None, on: bool) -> None:
        for callback in self._watchers:
            callback(name, channel, on)


@dataclass(frozen=True, slots=True)
class DevicePlace:
    """Where a device finds itself.

    Args:
        directory: for the links to its ptys, or a folder tree of its own.
        random: its chance, seeded for it alone.
        load: what really flows through a channel now.
        clock: seconds; it goes on as fast as the twin's time does.
        lines: each line that `port` opened, for whoever unplugs them.
    """

    directory: Path
    random: Random
    load: Callable[[int], Load]
    clock: Callable[[], float]
    lines: list[PtyLine] = field(default_factory=list)

    def port(self, name: str) -> PtyLine:
        """Open a serial line, to be found at directory/NAME, plugged in. The device closes it.

        Args:
            name: of the link, as a device's name.
        """
        line = PtyLine(self.directory / name)
        self.lines.append(line)
        return line


class Device(Protocol):
    """A relay board, plug, meter or console adapter. Its module has `create(plan: DevicePlan) -> Device`."""

    @property
    def name(self) -> str:
        """Its plan's."""
        ...

    @property
    def outlets(self) -> Mapping[int, Outlet]:
        """Its contacts by channel, counted as the real device does; none for a meter or a console."""
        ...

    @property
    def faults(self) -> Faults:
        """What is wrong with it now; the control socket sets and clears it."""
        ...

    async def start(self, place: DevicePlace) -> str:
        """Open it.

        Returns:
            Where a driver finds it: a device file, a folder, or "host:port".
        """
        ...

    async def close(self) -> None:
        """Let go of everything that it opened; also after a start that failed."""
        ...


class Console(Device, Protocol):
    """A device that a board's UART is wired to."""

    @property
    def baud(self) -> int:
        """The speed that its side of the wire is set to, bits per second; 0 where it is unplugged."""
        ...

    @property
    def lost(self) -> int:
        """Bytes that came from the board and that nobody read."""
        ...

    def attach(self, typed: Callable[[bytes], None]) -> None:
        """Have `typed` called with what its user sends to the board."""
        ...

    def heard(self, data: bytes) -> None:
        """Bytes came from the board, as this side heard them."""
        ...
