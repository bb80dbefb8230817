"""A machine in memory: its parts remember what they were asked, and its console says what a test lets it say."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from support.wire import Wire

from hil.boot import Boot
from hil.clock import Deadline, WallAnchor, now_ns
from hil.errors import MissingPart
from hil.machine import Acted, Doors, Events, Identity, Machine, Nic, Power, PowerState, Reset, SerialConsole
from hil.timeline.events import Event
from hil.timeline.timeline import Mark, Timeline


class Hardware:
    """Keeps Power, Reset, Nic, Doors, Events and SerialConsole.

    Args:
        wire: its console.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.reads = PowerState.OFF
        self.dead_on_arrival = False
        self.says_at_power_on = b""
        self.asked: list[str] = []
        self.doors: dict[int, tuple[str, int]] = {}
        self.mac = "52:54:00:00:00:01"
        self._events: deque[Event] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    line = "in memory"
    reads_back = True

    def machine(
        self,
        *,
        without: frozenset[type[object]] = frozenset(),
        control: str | None = "qemu:n1",
        attached: bool = False,
    ) -> Machine:
        """It as a machine, without some of its parts, and as one that runs already."""
        every = (Power, Reset, Nic, Doors, Events, SerialConsole)
        parts = {protocol: self for protocol in every if protocol not in without}
        return Machine(
            name="n1",
            kind="fake",
            identity=Identity(self.mac, "u", "s"),
            console_argument="console=ttyAMA0",
            console_stream="console:n1",
            control_stream=control,
            parts=parts,  # type: ignore[arg-type]
            close=lambda: self.asked.append("close"),
            attach=(lambda folder: self.asked.append(f"attach {folder.name}")) if attached else None,
        )

    def on(self, *, deadline: Deadline) -> Acted:
        self.asked.append("on")
        moment = now_ns()
        if not self.dead_on_arrival:
            self.reads = PowerState.ON
            if self.says_at_power_on:
                self.wire.says(self.says_at_power_on)
        return Acted(moment)

    def off(self, *, deadline: Deadline) -> Acted:
        self.asked.append("off")
        if self.reads is PowerState.ON:
            self.wire.ends()
        self.reads = PowerState.OFF
        return Acted(now_ns())

    def state(self) -> PowerState:
        return self.reads if self.reads_back else PowerState.UNKNOWN

    def reset(self, *, deadline: Deadline) -> int:
        self.asked.append("reset")
        return now_ns()

    def link(self, up: bool, *, deadline: Deadline) -> None:
        self.asked.append(f"link {up}")

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(sorted(self.doors))

    def reach(self, port: int, *, deadline: Deadline) -> tuple[str, int]:
        if port not in self.doors:
            raise MissingPart(f"no door leads to {port}", hint="add it")
        return self.doors[port]

    def fileno(self) -> int:
        return self._wake

    def take(self) -> list[Event]:
        taken = list(self._events)
        self._events.clear()
        return taken

    def happens(self, name: str, detail: str) -> None:
        """An event of its control channel."""
        self._events.append(Event(now_ns(), 0, "qmp", name, detail))
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Free what it holds."""
        os.close(self._wake)


def boot_in(folder: Path, *marks: Mark) -> Boot:
    """A boot that began now, with these marks."""
    timeline = Timeline(now_ns(), WallAnchor.take())
    timeline.add(marks)
    return Boot(1, "n1", "img", {}, folder, timeline)
