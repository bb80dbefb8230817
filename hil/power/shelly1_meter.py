"""The kind `shelly1` of meters: watts and the energy counter of a Shelly of the first generation.

`GET /status` has a list `meters`: `power` in W, `is_valid`, `total` in watt-minutes, which is lost at its own reboot
(Shelly API Reference, Gen1, "Shelly1/1PM: /status", "Shelly Plug/PlugS: /meter/0"). It tells no volts and no amperes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.power import MeterConfig
from hil.power.http_channel import HttpChannel
from hil.power.http_device import HttpDevice
from hil.power.http_json import document
from hil.power.meter import Reading, Resolution
from hil.power.port import PortRefused
from hil.power.shelly1 import Shelly1Place, device_of

_WATT_MINUTES_PER_WH = 60.0


class Config(Shelly1Place, MeterConfig):
    """One meter of a device."""

    kind: Literal["shelly1"] = Field(description="the meter in a Shelly of the first generation")


@dataclass(frozen=True, slots=True)
class Shelly1Meter(HttpChannel[HttpDevice]):
    """The protocol Meter over one meter of a device. Keeps nothing open."""

    @property
    def name(self) -> str:
        """The meter and the device."""
        return f"meter {self.channel} of {self.device.what}"

    @property
    def resolution(self) -> Resolution:
        """Two digits behind the point are what it prints ("power": 0.00); how much its chip sees is not documented."""
        return Resolution(watts=0.01)

    def read(self, *, deadline: Deadline) -> Reading:
        """Ask once.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say.
            PortRefused: a wrong password, no such meter, or it says itself that its value is not valid.
        """
        answer = self.device.ask("/status", deadline=deadline)
        meter = document(self.device, answer).element("meters", self.channel)
        if meter is None:
            raise PortRefused(
                f"{self.name}: it has no such meter",
                hint="not every Shelly measures; take out `meter:`, or mend `channel:`",
            )
        if not meter.flag("is_valid"):
            raise PortRefused(
                f"{self.name}: it says itself that its value is not valid", hint="switch the device off and on by hand"
            )
        total = meter.number_if_there("total")
        return Reading(
            answer.at_ns,
            answer.error_ns,
            watts=meter.number("power"),
            counter_wh=None if total is None else total / _WATT_MINUTES_PER_WH,
        )


def create(config: Config) -> Shelly1Meter:
    """The meter of a rig's section. Nothing is asked yet."""
    return Shelly1Meter(device_of(config), config.channel)
