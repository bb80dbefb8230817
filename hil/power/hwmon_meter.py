"""The kind `hwmon`: a chip that the kernel's own driver reads, as an INA219, INA226, INA228 or INA260 on a host's I2C.

One value a file: `inN_input` in mV, `currN_input` in mA, `powerN_input` in uW, `energyN_input` in uJ, `name` (Linux,
Documentation/hwmon/sysfs-interface.rst; of ina2xx.rst and ina238.rst in1, curr1 and power1 are the bus). Configures
nothing: shunt and averaging are the kernel's, from the device tree or from its sysfs files.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline, now_ns
from hil.config.devices import DeviceName
from hil.config.model import Fault, RigPath
from hil.config.power import MeterConfig
from hil.power.ina import CHIPS
from hil.power.meter import Reading, Resolution
from hil.power.port import PortAbsent, PortGarbled, PortSilent

_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,19}\n?")
_ANSWERS_LATE: Final = (errno.EIO, errno.ENXIO, errno.EREMOTEIO, errno.ETIMEDOUT, errno.EAGAIN)
# Where a chip does not tell its interval (`update_interval`, ms): the drivers average 16 conversions of 1.1 ms of two
# values (drivers/hwmon/ina2xx.c and ina238.c, ..._CONFIG_DEFAULT), or of three.
_INTERVAL_MS: Final = 53
_NS_IN_MS: Final = 1_000_000
_UJ_IN_WH: Final = 3.6e9


class Config(MeterConfig):
    """One chip, by its folder or by what it is called."""

    kind: Literal["hwmon"] = Field(description="a chip that the kernel's hwmon drivers read")
    device: DeviceName | None = Field(
        None, description="its folder: /sys/bus/i2c/devices/1-0040, which stays, or /sys/class/hwmon/hwmon3"
    )
    chip: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")] | None = Field(
        None, description="what its `name` file says, where no folder is given: ina226"
    )
    bus: Annotated[int, Field(ge=0, le=255)] | None = Field(None, description="the I2C bus of that chip")
    address: Annotated[int, Field(ge=0x03, le=0x77)] | None = Field(None, description="its address there: 0x40")
    channel: Annotated[int, Field(ge=1, le=8)] = Field(1, description="which inN, currN and powerN; 1 for one shunt")
    root: RigPath = Field(Path("/sys/class/hwmon"), description="where chips are looked for by name")

    def faults(self) -> Iterable[Fault]:
        """Exactly one way to find the chip."""
        if (self.device is None) == (self.chip is None):
            yield Fault(("device",), "a hwmon meter is named by `device` or by `chip`", "write one of the two")
        if self.chip is None and not (self.bus is None and self.address is None):
            yield Fault(("chip",), "`bus` and `address` tell chips of one name apart", "write `chip: ina226` too")


@dataclass(frozen=True, slots=True)
class HwmonMeter:
    """The protocol Meter over one chip. Keeps nothing open, and looks the folder up anew at each reading.

    Args:
        config: of the rig.
    """

    config: Config

    @property
    def name(self) -> str:
        """The chip, as the rig has it."""
        where = "" if self.config.bus is None else f" on I2C bus {self.config.bus}"
        where += "" if self.config.address is None else f" at 0x{self.config.address:02x}"
        return f"hwmon {self.config.device or self.config.chip}{where}"

    @property
    def resolution(self) -> Resolution:
        """The chip's step where it is known and its shunt is told, or the interface's, whichever is coarser."""
        with suppress(OSError, PortAbsent):
            folder = self._folder()
            chip = CHIPS.get(_text(folder / "name").strip())
            if chip is not None:
                shunt = chip.own_shunt or _whole(_text(folder / "shunt_resistor")) / 1e6
                return Resolution(
                    volts=max(0.001, chip.volts_step),
                    amperes=max(0.001, chip.amperes_step(shunt)),
                    watts=max(1e-6, chip.watts_step(shunt)),
                )
        return Resolution(volts=0.001, amperes=0.001)

    @property
    def age(self) -> float:
        """None beyond the cycles of the chip, which each reading's stamp has."""
        return 0.0

    def read(self, *, deadline: Deadline) -> Reading:
        """Read its files once; the kernel bounds how long that takes.

        Raises:
            PortAbsent: there is no such chip, or more than one, or it may not be read.
            PortSilent: the chip does not answer the kernel.
            PortGarbled: a file holds no number.
        """
        folder = self._folder()
        number = self.config.channel
        began = now_ns()
        volts = self._value(folder / f"in{number}_input", 1e3)
        amperes = self._value(folder / f"curr{number}_input", 1e3)
        watts = self._value(folder / f"power{number}_input", 1e6)
        counter = self._value(folder / f"energy{number}_input", _UJ_IN_WH)
        ended = now_ns()
        if watts is None and volts is not None and amperes is not None:
            watts = volts * amperes
        if watts is None:
            raise PortAbsent(f"{self.name}: {folder} has no power{number}_input, nor both in and curr", hint=_HINT)
        # The newest value there is may be one interval old, and is the mean of the interval before.
        began -= 2 * self._interval_ns(folder)
        return Reading(began + (ended - began) // 2, (ended - began) // 2, volts, amperes, watts, counter)

    def close(self) -> None:
        """Nothing is open between readings."""

    def _folder(self) -> Path:
        """Where its files are now: a chip that was unbound and bound again has another number."""
        if self.config.device is None:
            found = [folder for folder in _below(self.config.root) if self._is_it(folder)]
            where = f"{self.config.root} has no chip"
        else:
            given = Path(self.config.device)
            candidates = [given] if (given / "name").is_file() and not (given / "hwmon").is_dir() else []
            found = candidates or _below(given / "hwmon") or _below(given)
            where = f"{given} is no folder of a chip"
        if len(found) > 1:
            listed = ", ".join(f"{folder.name} ({_place(folder)})" for folder in found)
            raise PortAbsent(f"{self.name}: several chips match: {listed}", hint="add its `bus` and its `address`")
        if not found:
            raise PortAbsent(f"{self.name}: {where} of that name", hint=_HINT)
        return found[0]

    def _is_it(self, folder: Path) -> bool:
        with suppress(OSError):
            if _text(folder / "name").strip() != self.config.chip:
                return False
            bus, _, address = _place(folder).partition("-")
            # "1-0040": the bus and the address (Linux, drivers/i2c/i2c-core-base.c, i2c_dev_set_name).
            same_bus = self.config.bus is None or bus == str(self.config.bus)
            return same_bus and (self.config.address is None or address == f"{self.config.address:04x}")
        return False

    def _value(self, file: Path, per_unit: float) -> float | None:
        """A file's number in volts, amperes, watts or Wh; None where the chip has no such file."""
        try:
            text = _text(file)
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"{self.name}: {file} cannot be read: {error.strerror}"
            if error.errno in _ANSWERS_LATE:
                raise PortSilent(what, hint="the chip does not answer the kernel: look at its wires") from error
            raise PortAbsent(what, hint="see who may read it") from error
        if _NUMBER.fullmatch(text) is None:
            raise PortGarbled(f"{self.name}: {file} holds {text[:40]!r}, which is no number", hint=_HINT)
        return int(text) / per_unit

    def _interval_ns(self, folder: Path) -> int:
        with suppress(OSError):
            return _whole(_text(folder / "update_interval")) * _NS_IN_MS
        return _INTERVAL_MS * _NS_IN_MS


_HINT: Final = "`grep . /sys/class/hwmon/*/name` lists the chips; an INA needs its driver and an overlay"


def _below(root: Path) -> list[Path]:
    """The folders of chips in one, by name; none where there is no such folder."""
    try:
        return sorted(folder for folder in root.iterdir() if (folder / "name").is_file())
    except OSError:
        return []


def _place(folder: Path) -> str:
    """The device behind a chip, as the kernel names it: "1-0040" on I2C."""
    return Path(os.path.realpath(folder / "device")).name


def _text(file: Path) -> str:
    return file.read_bytes().decode("ascii", "replace")


def _whole(text: str) -> int:
    """A number that only refines what is known without it; 0 where it is none."""
    return int(text) if _NUMBER.fullmatch(text) else 0


def create(config: Config) -> HwmonMeter:
    """The meter of a rig's section. Nothing is read yet."""
    return HwmonMeter(config)
