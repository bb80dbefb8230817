"""An INA226 on the host's I2C as Linux shows it: a folder of files (hwmon) that are written anew five times a second.

drivers/hwmon/ina2xx.c: the chip's steps are 2.5 uV (shunt) and 1.25 mV (bus); with the driver's own shunt of 10 mOhm
those of the current are 250 uA, and those of the power 25 times that. What is read is rounded to mV and mA. The chip
multiplies what it has rounded already, and cuts off (INA226 datasheet, 7.5.3). Real files are computed when they are
read; these are at most 0.2 s old.

Faults: `silent` and `reboots` take the readings away, `checksum` makes them no numbers, `slow` lets them grow old,
`lying` says that nothing flows. It switches nothing.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from hil.sim.device import DevicePlace, Load
from hil.sim.devices.firmware import Firmware
from hil.sim.plan import DevicePlan

_EVERY: Final = 0.2
_CHIP: Final = "ina226"
_SHUNT_MICROOHMS: Final = 10_000
_SHUNT_STEP_NANOVOLTS: Final = 2500
_BUS_STEP_MICROVOLTS: Final = 1250
_CURRENT_STEP_MICROAMPERES: Final = 250
_POWER_STEP_MICROWATTS: Final = 25 * _CURRENT_STEP_MICROAMPERES
_POWER_DIVISOR: Final = 20_000


def readings(load: Load) -> dict[str, int]:
    """The files that have values, and these, as the driver computes them from the chip's registers."""
    shunt = round(load.amperes * _SHUNT_MICROOHMS * 1000 / _SHUNT_STEP_NANOVOLTS)
    bus = round(load.volts * 1_000_000 / _BUS_STEP_MICROVOLTS)
    current = shunt * _SHUNT_STEP_NANOVOLTS * 1000 // (_SHUNT_MICROOHMS * _CURRENT_STEP_MICROAMPERES)
    power = current * bus // _POWER_DIVISOR
    return {
        "in0_input": _closest(shunt * _SHUNT_STEP_NANOVOLTS, 1_000_000),
        "in1_input": _closest(bus * _BUS_STEP_MICROVOLTS, 1000),
        "curr1_input": _closest(current * _CURRENT_STEP_MICROAMPERES, 1000),
        "power1_input": power * _POWER_STEP_MICROWATTS,
    }


def _closest(value: int, divisor: int) -> int:
    """The kernel's DIV_ROUND_CLOSEST of what is not negative."""
    return (value + divisor // 2) // divisor


class Hwmon:
    """See `hil.sim.device.Device`.

    Args:
        plan: its own.
    """

    def __init__(self, plan: DevicePlan) -> None:
        self.name = plan.name
        self._firmware = Firmware(plan, ())
        self.outlets = self._firmware.outlets
        self.faults = self._firmware.faults
        self._folder: Path | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, place: DevicePlace) -> str:
        """Make the folder of the I2C device, with that of its hwmon in it."""
        self._folder = place.directory / self.name
        chip = self._folder / "hwmon" / "hwmon0"
        chip.mkdir(parents=True)
        for folder in (self._folder, chip):
            (folder / "name").write_text(f"{_CHIP}\n")
        (chip / "shunt_resistor").write_text(f"{_SHUNT_MICROOHMS}\n")
        (chip / "update_interval").write_text("35\n")
        _write(chip, readings(place.load(1)))
        self._task = asyncio.create_task(self._refresh(chip, place))
        return str(self._folder)

    async def close(self) -> None:
        """Take the folder away."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _refresh(self, chip: Path, place: DevicePlace) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            if self._firmware.deaf():
                for name in readings(Load()):
                    (chip / name).unlink(missing_ok=True)
            elif not self.faults.active("slow"):
                load = Load() if self.faults.active("lying") else place.load(1)
                _write(chip, readings(load), spoilt=self.faults.active("checksum"))


def _write(chip: Path, values: Mapping[str, int], *, spoilt: bool = False) -> None:
    """Each file at once, so that no reader finds half of one."""
    for name, value in values.items():
        new = chip / f".{name}"
        new.write_text("-\n" if spoilt else f"{value}\n")
        new.replace(chip / name)


def create(plan: DevicePlan) -> Hwmon:
    """One chip of one channel; no options."""
    return Hwmon(plan)
