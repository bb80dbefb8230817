"""The kind `tasmota` of meters: what a plug with the Tasmota firmware measures.

`GET /cm?cmnd=Status%208` answers `{"StatusSNS": {"ENERGY": {"Total": kWh, "Power": W, "Voltage": V, "Current": A,
...}}}`; a device with several meters has a list for each value that differs between them (Tasmota documentation,
"Commands", Status: 8 is kept beside 10, which means the same; "JSON Status Responses"). `Status` alone, whose
`Power` has changed its type with version 14, is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.power import MeterConfig
from hil.power.http_channel import HttpChannel
from hil.power.meter import Reading, Resolution
from hil.power.port import PortRefused
from hil.power.tasmota import TasmotaDevice, TasmotaPlace, device_of

_WH_PER_KWH: Final = 1000.0


class Config(TasmotaPlace, MeterConfig):
    """One meter of a device."""

    kind: Literal["tasmota"] = Field(description="the meter in a plug with the Tasmota firmware")


@dataclass(frozen=True, slots=True)
class TasmotaMeter(HttpChannel[TasmotaDevice]):
    """The protocol Meter over one meter of a device. Keeps nothing open."""

    @property
    def name(self) -> str:
        """The meter and the device."""
        return f"meter {self.channel} of {self.device.http.what}"

    @property
    def resolution(self) -> Resolution:
        """As the firmware prints it where nobody has set VoltRes, AmpRes and WattRes otherwise (Tasmota documentation,
        "Commands", Power Monitoring: their defaults 0, 3 and 0 digits)."""
        return Resolution(volts=1.0, amperes=0.001, watts=1.0)

    def read(self, *, deadline: Deadline) -> Reading:
        """Ask once.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say.
            PortRefused: a wrong password, or a device that does not measure.
        """
        found, answer = self.device.command("Status 8", deadline)
        sensors = found.section("StatusSNS")
        if "ENERGY" not in sensors:
            raise PortRefused(f"{self.name}: it does not measure", hint="take out `meter:`; this device has no meter")
        energy = sensors.section("ENERGY")
        which = self.channel - 1
        # One total beside several powers is that of all of them together (SetOption129 gives one for each).
        shared = isinstance(energy.values.get("Power"), list) and not isinstance(energy.values.get("Total"), list)
        total = None if shared else energy.number_if_there("Total", which)
        return Reading(
            answer.at_ns,
            answer.error_ns,
            volts=energy.number_if_there("Voltage", which),
            amperes=energy.number_if_there("Current", which),
            watts=energy.number("Power", which),
            counter_wh=None if total is None else total * _WH_PER_KWH,
        )


def create(config: Config) -> TasmotaMeter:
    """The meter of a rig's section. Nothing is asked yet."""
    return TasmotaMeter(device_of(config), config.channel)
