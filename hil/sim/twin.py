"""A whole bench twin in one event loop: its devices, its boards, what is wired to what. Owner of all of them.

Time is the loop's, so that a loop whose time is a test's own makes a twin of that time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, cast

from hil.errors import UsageError
from hil.sim import devices
from hil.sim.device import DEVICE_FAULTS, LINE_FAULTS, Console, Device, DevicePlace, Load
from hil.sim.plan import BoardPlan, Plan
from hil.sim.station import Station, Surroundings
from hil.sim.supply import behind

_TICK: Final = 0.005


@dataclass(frozen=True, slots=True)
class _Seat:
    """A device in its place."""

    kind: str
    device: Device
    place: DevicePlace


class Twin:
    """A bench twin. Made inside its event loop.

    Args:
        plan: what it is made of; its folder is there.
        tell: gets a line for a person at each thing that happens.

    Raises:
        UsageError: a device of the plan has no model, or what a board is wired to is none of its devices'.
    """

    def __init__(self, plan: Plan, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._began = asyncio.get_running_loop().time()
        self._seats: dict[str, _Seat] = {}
        for device in plan.devices:
            chance = Random(f"{plan.seed}/{device.name}")
            place = DevicePlace(plan.directory, chance, self._load_of(device.name), self.now)
            self._seats[device.name] = _Seat(device.kind, devices.create(device), place)
        around = Surroundings(plan.seed, plan.directory, self.now, tell)
        self._stations = {board.name: Station(board, around, self._console(board)) for board in plan.boards}
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> dict[str, str]:
        """Open every device, and feed the boards whose contacts conduct from the beginning.

        Returns:
            Where each device is found, by its name with "twin:".

        Raises:
            UsageError: a board hangs on a contact that no device has, or begins with a fault that it cannot have.
            OSError: a device cannot be opened. After either, `close` it all the same.
        """
        found = {f"twin:{name}": await seat.device.start(seat.place) for name, seat in self._seats.items()}
        for name, seat in self._seats.items():
            for channel, outlet in seat.device.outlets.items():
                outlet.watch(self._contact(name, channel))
        for name, station in self._stations.items():
            for fault in station.plan.faults:
                self._board_fault(name, fault, on=True)
            self._feed(station)
        self._follow()
        return found

    async def close(self) -> None:
        """End every board and let go of every device."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        for station in self._stations.values():
            await station.close()
        for seat in self._seats.values():
            await seat.device.close()

    def now(self) -> float:
        """Seconds since it was made."""
        return asyncio.get_running_loop().time() - self._began

    def fault(self, name: str, fault: str, channel: int | None, *, on: bool) -> None:
        """Begin or end a fault.

        Args:
            name: of the device or the board.
            fault: of `DEVICE_FAULTS` or `LINE_FAULTS`; of a board, one that `Station.fault` has.
            channel: for that one alone; None for the whole device.
            on: whether it begins.

        Raises:
            UsageError: there is no such device, channel or fault.
        """
        if name in self._stations and name not in self._seats:
            self._board_fault(name, fault, on=on)
            return
        seat = self._seat(name, channel)
        known = DEVICE_FAULTS + LINE_FAULTS
        if fault not in known:
            raise UsageError(f"the bench twin has no fault {fault!r}", hint=f"it has: {', '.join(known)}")
        faults = seat.device.faults
        if not on or fault == "reboots":  # which is a moment: the next one is another
            faults.clear(fault, channel)
        if on:
            faults.set(fault, channel)
        self._act(name, fault, channel, on)
        where = name if channel is None else f"{name} channel {channel}"
        self._tell(f"{where}: {fault} {'begins' if on else 'ends'}")

    def mend(self, name: str) -> None:
        """End each fault of a device or a board.

        Raises:
            UsageError: there is no such device.
        """
        if name in self._stations and name not in self._seats:
            for fault, _ in self._stations[name].faults.all():
                self._board_fault(name, fault, on=False)
            return
        for fault, channel in self._seat(name).device.faults.all():
            self.fault(name, fault, channel, on=False)

    def state(self) -> dict[str, object]:
        """Everything as it is now, as JSON has it."""
        return {
            "boards": {name: station.state() for name, station in self._stations.items()},
            "devices": {name: _state(seat) for name, seat in self._seats.items()},
        }

    def _board_fault(self, name: str, fault: str, *, on: bool) -> None:
        self._stations[name].fault(fault, on=on)
        self._tell(f"{name}: {fault} {'begins' if on else 'ends'}")
        self._follow()

    def _act(self, name: str, fault: str, channel: int | None, on: bool) -> None:
        """Do the faults that no device does by itself: of contacts and of wires."""
        seat = self._seats[name]
        if fault == "welded":
            outlets = seat.device.outlets
            for outlet in outlets.values() if channel is None else [outlets[channel]]:
                (outlet.weld if on else outlet.mend)()
        elif fault == "unplugged":
            for line in seat.place.lines:
                (line.unplug if on else line.plug)()
        elif fault == "break" and on:
            for station in self._stations.values():
                if station.plan.console == name:
                    station.send_break()

    def _seat(self, name: str, channel: int | None = None) -> _Seat:
        seat = self._seats.get(name)
        if seat is None:
            have = ", ".join([*self._seats, *self._stations]) or "none"
            raise UsageError(f"the bench twin has no device {name!r}", hint=f"it has: {have}")
        if channel is not None and channel not in seat.device.outlets:
            have = ", ".join(str(one) for one in seat.device.outlets) or "none"
            raise UsageError(f"the twin's {name} has no channel {channel}", hint=f"it has: {have}")
        return seat

    def _console(self, board: BoardPlan) -> Console | None:
        if board.console is None:
            return None
        seat = self._seat(board.console)
        if seat.kind not in devices.CONSOLES:
            raise UsageError(
                f"{board.name}: its console {board.console} is a {seat.kind}",
                hint=f"a console is one of {', '.join(devices.CONSOLES)}",
            )
        return cast(Console, seat.device)

    def _contact(self, device: str, channel: int) -> Callable[[bool], None]:
        def changed(conducts: bool) -> None:
            self._tell(f"{device} channel {channel}: {'closes' if conducts else 'opens'}")
            for station in self._stations.values():
                if (device, channel) in station.plan.feeds:
                    self._feed(station)
            self._follow()

        return changed

    def _feed(self, station: Station) -> None:
        """A board without a contact always has its supply."""
        contacts = [self._seat(name, channel).device.outlets[channel] for name, channel in station.plan.feeds]
        station.feed(all(contact.conducts for contact in contacts))

    def _follow(self) -> None:
        """Look at the boards often until nothing happens to them by itself any more."""
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while not all(station.settled for station in self._stations.values()):
            await asyncio.sleep(_TICK)
            for station in self._stations.values():
                station.advance()

    def _load_of(self, device: str) -> Callable[[int], Load]:
        def load(channel: int) -> Load:
            seat, terminal = self._seats[device], (device, channel)
            outlet = seat.device.outlets.get(channel)
            total, conducts = Load(), outlet is None or outlet.conducts
            for station in self._stations.values():
                if terminal in station.plan.feeds or terminal in station.plan.measured_by:
                    total = _together(total, station.load())
                    # A plug that only measures is not the board's switch: its own contact is never opened.
                    conducts = conducts or terminal in station.plan.measured_by
            return behind(seat.kind, total, conducts=conducts)

        return load


def _together(one: Load, other: Load) -> Load:
    """Two loads on one channel; a board whose own contacts are open adds nothing but what it holds."""
    return Load(
        max(one.volts, other.volts),
        one.amperes + other.amperes,
        one.watts + other.watts,
        max(one.supply_volts, other.supply_volts),
    )


def _state(seat: _Seat) -> dict[str, object]:
    outlets = seat.device.outlets
    is_console = seat.kind in devices.CONSOLES
    lost = cast(Console, seat.device).lost if is_console else sum(line.lost for line in seat.place.lines)
    return {
        "kind": seat.kind,
        "outlets": {
            str(channel): {"commanded": outlet.commanded, "conducts": outlet.conducts}
            for channel, outlet in outlets.items()
        },
        "faults": [[fault, channel] for fault, channel in seat.device.faults.all()],
        "lost": lost,
    }
