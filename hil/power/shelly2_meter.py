"""The kind `shelly2` of meters: what a switch of a Shelly of the second generation or later measures.

`GET /rpc/Switch.GetStatus?id=0` has `apower` in W, `voltage` in V, `current` in A, and `aenergy.total` in Wh, where
the device measures at all (Shelly Technical Documentation, Gen2, "Switch: Status").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.power import MeterConfig
from hil.power.http_channel import HttpChannel
from hil.power.http_device import HttpDevice
from hil.power.meter import Reading, Resolution
from hil.power.port import PortRefused
from hil.power.shelly2 import Shelly2Place, device_of, status


class Config(Shelly2Place, MeterConfig):
    """One switch's meter."""

    kind: Literal["shelly2"] = Field(description="the meter in a Shelly of the second generation or later")


@dataclass(frozen=True, slots=True)
class Shelly2Meter(HttpChannel[HttpDevice]):
    """The protocol Meter over one switch of a device. Keeps nothing open."""

    @property
    def name(self) -> str:
        """The switch and the device."""
        return f"meter of switch {self.channel} of {self.device.what}"

    @property
    def resolution(self) -> Resolution:
        """The last digit that devices print ("apower":0.0, "voltage":237.0, "current":0.000); what its chip
        sees is not documented."""
        return Resolution(volts=0.1, amperes=0.001, watts=0.1)

    def read(self, *, deadline: Deadline) -> Reading:
        """Ask once.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say.
            PortRefused: a wrong password, no such switch, or one that does not measure.
        """
        found, answer = status(self.device, self.channel, deadline)
        if "apower" not in found:
            raise PortRefused(
                f"{self.name}: it does not measure",
                hint="only models with PM in their name, and the plugs, have a meter",
            )
        counter = found.section("aenergy").number_if_there("total") if "aenergy" in found else None
        return Reading(
            answer.at_ns,
            answer.error_ns,
            volts=found.number_if_there("voltage"),
            amperes=found.number_if_there("current"),
            watts=found.number("apower"),
            counter_wh=counter,
        )


def create(config: Config) -> Shelly2Meter:
    """The meter of a rig's section. Nothing is asked yet."""
    return Shelly2Meter(device_of(config), config.channel)
