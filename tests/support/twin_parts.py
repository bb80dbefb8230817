"""Devices of the bench twin without any bytes: contacts that a test commands, a console that keeps what it hears."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hil.sim import devices
from hil.sim.device import DevicePlace, Faults, Outlet
from hil.sim.plan import DevicePlan

MADE: dict[str, Relay | Listener] = {}
"""The last one of each name."""


class Relay:
    """Four contacts, 1 to 4; `place` is where it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults = Faults()
        self.outlets = {channel: Outlet() for channel in range(1, 5)}
        self.place: DevicePlace | None = None

    async def start(self, place: DevicePlace) -> str:
        self.place = place
        return "nowhere"

    async def close(self) -> None:
        pass


class Listener:
    """A console; `said` is what it heard, `typed` sends."""

    def __init__(self, name: str, baud: int) -> None:
        self.name = name
        self.faults = Faults()
        self.outlets: dict[int, Outlet] = {}
        self.baud = baud
        self.lost = 0
        self.said = b""
        self.typed: Callable[[bytes], None] = lambda data: None

    def attach(self, typed: Callable[[bytes], None]) -> None:
        self.typed = typed

    def heard(self, data: bytes) -> None:
        self.said += data

    async def start(self, place: DevicePlace) -> str:
        return "nowhere"

    async def close(self) -> None:
        pass


def create(plan: DevicePlan) -> Relay | Listener:
    """Of the kinds "plain-relay" and "plain-console", which `plain_devices` adds."""
    is_console = plan.kind == "plain-console"
    made = Listener(plan.name, int(plan.options.get("baud") or 0)) if is_console else Relay(plan.name)
    MADE[plan.name] = made
    return made


@pytest.fixture
def plain_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin knows these two kinds."""
    MADE.clear()
    monkeypatch.setitem(devices.KINDS, "plain-relay", __name__)
    monkeypatch.setitem(devices.KINDS, "plain-console", __name__)
    monkeypatch.setitem(devices.CONSOLES, "plain-console", __name__)
