"""What the kinds `ina219`, `ina226`, `ina228` and `ina260` share: a chip on an I2C bus of this host, by smbus2.

Registers are read and written as blocks of bytes, in the order in which they are on the wire: an SMBus word is the
least significant byte first (SMBus 3.1, 6.5.4), which these chips are not. For hosts whose kernel has no driver for
the chip; where it has one, that one owns the chip and the kind is `hwmon`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Protocol

from pydantic import Field

from hil.clock import NANOSECONDS, Deadline, hold, now_ns
from hil.config.power import MeterConfig
from hil.errors import InfrastructureError
from hil.power.exchange import persistently
from hil.power.ina import CHIPS, Chip, Register
from hil.power.meter import Reading, Resolution
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent

_JOULES_IN_WH: Final = 3600.0
_NOBODY: Final = (errno.ENXIO, errno.EREMOTEIO, errno.ENODEV)


class OnI2c(MeterConfig):
    """Where a chip is."""

    bus: Annotated[int, Field(ge=0, le=255)] = Field(description="the I2C bus: 1 for /dev/i2c-1")
    address: Annotated[int, Field(ge=0x40, le=0x4F)] = Field(0x40, description="its address there, by its A0 and A1")


class WithShunt(OnI2c):
    """A chip with a resistor beside it."""

    shunt: Annotated[float, Field(gt=0, le=10)] = Field(
        description="ohms of the resistor that it measures across: 0.1 where R100 is printed on it"
    )


class Bus(Protocol):
    """An I2C bus, as `smbus2.SMBus` is one."""

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> Sequence[int]:
        """Bytes of a register."""
        ...

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        """Write bytes to a register."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def smbus(number: int) -> Bus:
    """Open a bus of this host.

    Raises:
        InfrastructureError: smbus2 is not installed.
        OSError: there is no such bus, or it may not be opened.
    """
    try:
        from smbus2 import SMBus
    except ImportError as error:
        raise InfrastructureError(
            "a meter on an I2C bus needs the Python package smbus2", hint="pip install 'hil[bench]'"
        ) from error
    return SMBus(number)


@dataclass
class InaMeter:
    """The protocol Meter over one chip. Opens the bus at the first reading, and sets the chip up where it is not.

    Args:
        chip: the model.
        config: where it is.
        shunt: ohms; 0 for a chip with its own.
        opener: opens a bus by its number.
    """

    chip: Chip
    config: OnI2c
    shunt: float
    opener: Callable[[int], Bus] = smbus
    _bus: Bus | None = field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        """The chip and where it is."""
        return f"{self.chip.name} at 0x{self.config.address:02x} on I2C bus {self.config.bus}"

    @property
    def resolution(self) -> Resolution:
        """A step of each of its registers, as it is set up."""
        return Resolution(self.chip.volts_step, self.chip.amperes_step(self.shunt), self.chip.watts_step(self.shunt))

    @property
    def age(self) -> float:
        """None beyond the cycles of the chip, which each reading's stamp has."""
        return 0.0

    def read(self, *, deadline: Deadline) -> Reading:
        """Read its registers once; the bus's driver bounds how long each takes.

        Raises:
            PortAbsent: there is no such bus, or nothing at that address.
            PortSilent: the bus is stuck.
            PortGarbled: what it measured is beyond its range.
            PortRefused: the kernel's driver has the chip, or it is another model.
            InfrastructureError: smbus2 is not installed.
        """
        return persistently(self._once, deadline=deadline)

    def close(self) -> None:
        """Let go of the bus; the chip goes on measuring."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def _once(self) -> Reading:
        try:
            self._set_up()
            began = now_ns()
            values = self.chip.values(self._get, self.shunt)
            register, bit = self.chip.overflow
            beyond = int.from_bytes(self._get(Register(register)), "big") & bit
            ended = now_ns()
        except OSError as error:
            self.close()
            raise self._failed(error) from error
        if beyond:
            raise PortGarbled(
                f"{self.name}: current and power are beyond its range",
                hint="see whether `shunt` is the resistor's, and whether it is small enough for the current",
            )
        # The newest result may be one cycle old, and is the mean of the cycle before.
        began -= 2 * round(self.chip.cycle * NANOSECONDS)
        joules = values.get("joules")
        return Reading(
            began + (ended - began) // 2,
            (ended - began) // 2,
            values["volts"],
            values["amperes"],
            values["watts"],
            None if joules is None else joules / _JOULES_IN_WH,
        )

    def _set_up(self) -> None:
        """Write configuration and calibration where they are not: a chip that lost power has forgotten both."""
        if self._bus is None:
            self._bus = self.opener(self.config.bus)
            self._identify()
        changed = False
        for register, value in self.chip.setup:
            if self._word(register) != value:
                self._bus.write_i2c_block_data(self.config.address, register, value.to_bytes(2, "big"))
                changed = True
        if changed:
            hold(2 * self.chip.cycle)

    def _identify(self) -> None:
        """See that it is this model. An INA219 has no identity, but what has another model's is none."""
        wrong = bool(self.chip.identity) and not self._is(self.chip)
        others = [chip.name for chip in CHIPS.values() if chip is not self.chip and self._is(chip)]
        if not (wrong or others):
            return
        register = (self.chip.identity or CHIPS[others[0]].identity)[-1][0]
        found = self._word(register)
        self.close()
        raise PortRefused(
            f"{self.name}: it is no {self.chip.name}: its register {register:02X}h is {found:04X}h",
            hint=f"write `kind: {others[0]}`" if others else "see which chip is at that address: `i2cdetect -y BUS`",
        )

    def _is(self, chip: Chip) -> bool:
        """Whether it has that model's identity; a register that it does not have may be an error."""
        try:
            return bool(chip.identity) and all(
                self._word(register) & mask == expected & mask for register, expected, mask in chip.identity
            )
        except OSError as error:
            if chip is self.chip or error.errno not in _NOBODY:
                raise
            return False

    def _word(self, register: int) -> int:
        return int.from_bytes(self._get(Register(register)), "big")

    def _get(self, register: Register) -> bytes:
        if self._bus is None:
            raise OSError(errno.EBADF, "the bus is closed")
        data = bytes(self._bus.read_i2c_block_data(self.config.address, register.at, register.size))
        if len(data) != register.size:
            raise PortGarbled(f"{self.name}: {len(data)} bytes instead of {register.size}", hint="look at its wires")
        return data

    def _failed(self, error: OSError) -> InfrastructureError:
        what = f"{self.name}: {error.strerror or error}"
        if error.errno == errno.EBUSY:
            return PortRefused(what, hint="the kernel's driver has this chip: write `kind: hwmon`")
        if error.errno in _NOBODY:
            return PortAbsent(what, hint="nothing acknowledges that address: `i2cdetect -y BUS`, then its wires")
        if error.errno in (errno.ENOENT, errno.EACCES, errno.EPERM):
            return PortAbsent(what, hint="`i2cdetect -l` lists the buses; who may use them is in the group i2c")
        return PortSilent(what, hint="the bus is stuck or disturbed: look at SDA, SCL and ground")
