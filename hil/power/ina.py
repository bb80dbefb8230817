"""The power monitors INA219, INA226, INA228 and INA260 by their registers, over I2C. Opens no bus.

Each value is a whole number of steps. What a step of current is, the calibration register decides: it is set so that
one step of current is what one step of the shunt's voltage makes of the shunt, since a finer one would show nothing
more (as Linux does, drivers/hwmon/ina2xx.c). Everything is the most significant byte first.

Sources, all of Texas Instruments: INA219 datasheet SBOS448, "Programming" and "Register Maps"; INA226 SBOS547;
INA228 SLYS021, "Current, Power, Energy, and Charge Calculations" and "Register Maps"; INA260 SBOS656.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

TEXAS: Final = 0x5449
"""The manufacturer's id: "TI"."""


@dataclass(frozen=True, slots=True)
class Register:
    """Where a value stands.

    Args:
        at: the register.
        size: its bytes.
        shift: how many of its lowest bits are none of the value.
        signed: whether it is in two's complement.
    """

    at: int
    size: int = 2
    shift: int = 0
    signed: bool = False

    def value(self, data: bytes) -> int:
        """The number of steps that its bytes hold."""
        return int.from_bytes(data, "big", signed=self.signed) >> self.shift


@dataclass(frozen=True, slots=True)
class Chip:
    """One model.

    Args:
        name: as Linux calls it.
        volts: of the bus.
        volts_step: V.
        amperes: through the shunt, once it is calibrated.
        watts: the power.
        shunt_step: V across the shunt that one step of its shunt register is.
        watts_per_amperes: steps of power in terms of a step of current: W for one A.
        identity: registers that tell the model, each with its value and the bits that count.
        setup: what is written at first, in order: the configuration, and the calibration.
        overflow: the register and the bit that say that current and power are no result.
        cycle: seconds from one result to the next with that configuration.
        energy: since it was switched on, where it counts.
        energy_per_watts: J of one step of that, in terms of a step of power in W.
        own_shunt: ohms of a shunt inside, 0 for none.
    """

    name: str
    volts: Register
    volts_step: float
    amperes: Register
    watts: Register
    shunt_step: float
    watts_per_amperes: float
    identity: tuple[tuple[int, int, int], ...]
    setup: tuple[tuple[int, int], ...]
    overflow: tuple[int, int]
    cycle: float
    energy: Register | None = None
    energy_per_watts: float = 0.0
    own_shunt: float = 0.0

    def amperes_step(self, shunt: float) -> float:
        """A that one step of current is.

        Args:
            shunt: ohms; 0 for one that is not known, of which nothing is known then.
        """
        shunt = self.own_shunt or shunt
        return self.shunt_step / shunt if shunt else 0.0

    def watts_step(self, shunt: float) -> float:
        """W that one step of power is."""
        return self.watts_per_amperes * self.amperes_step(shunt)

    def values(self, read: Callable[[Register], bytes], shunt: float) -> Mapping[str, float]:
        """What it measures: V, A, W, and where it counts J.

        Args:
            read: gives a register's bytes.
            shunt: ohms.
        """
        found = {
            "volts": self.volts.value(read(self.volts)) * self.volts_step,
            "amperes": self.amperes.value(read(self.amperes)) * self.amperes_step(shunt),
            "watts": self.watts.value(read(self.watts)) * self.watts_step(shunt),
        }
        if self.energy is not None:
            found["joules"] = self.energy.value(read(self.energy)) * self.energy_per_watts * self.watts_step(shunt)
        return found


# Bus range 32 V, shunt range 320 mV, 16 conversions of 532 us averaged for both, continuously; CAL = 0.04096 / (step x
# shunt), its lowest bit is void. OVF is bit 0 of the bus voltage.
INA219: Final = Chip(
    "ina219",
    volts=Register(0x02, shift=3),
    volts_step=4e-3,
    amperes=Register(0x04, signed=True),
    watts=Register(0x03),
    shunt_step=10e-6,
    watts_per_amperes=20,
    identity=(),
    setup=((0x00, 0x3E67), (0x05, 0x1000)),
    overflow=(0x02, 0x0001),
    cycle=0.0171,
)

# 16 conversions of 1.1 ms averaged for both, continuously; CAL = 0.00512 / (step x shunt). OVF is bit 2 of
# Mask/Enable.
INA226: Final = Chip(
    "ina226",
    volts=Register(0x02),
    volts_step=1.25e-3,
    amperes=Register(0x04, signed=True),
    watts=Register(0x03),
    shunt_step=2.5e-6,
    watts_per_amperes=25,
    identity=((0xFE, TEXAS, 0xFFFF), (0xFF, 0x2260, 0xFFF0)),
    setup=((0x00, 0x4527), (0x05, 0x0800)),
    overflow=(0x06, 0x0004),
    cycle=0.0352,
)

# Shunt range 163.84 mV (ADCRANGE = 0); 16 conversions of 1052 us averaged for bus, shunt and temperature,
# continuously; SHUNT_CAL = 13107.2e6 x step x shunt. MATHOF is bit 9 of DIAG_ALRT. The lowest four bits of a 20-bit
# value's 24 are void.
INA228: Final = Chip(
    "ina228",
    volts=Register(0x05, 3, shift=4),
    volts_step=195.3125e-6,
    amperes=Register(0x07, 3, shift=4, signed=True),
    watts=Register(0x08, 3),
    shunt_step=312.5e-9,
    watts_per_amperes=3.2,
    identity=((0x3E, TEXAS, 0xFFFF), (0x3F, 0x2280, 0xFFF0)),
    setup=((0x00, 0x0000), (0x01, 0xFB6A), (0x02, 0x1000)),
    overflow=(0x0B, 0x0200),
    cycle=0.0505,
    energy=Register(0x09, 5),
    energy_per_watts=16,
)

# A shunt of 2 mOhm inside and its own calibration: 1.25 mA, 1.25 mV, 10 mW a step; 16 conversions of 1.1 ms averaged.
# OVF is bit 2 of Mask/Enable. Bits 14-12 of the configuration are 110.
INA260: Final = Chip(
    "ina260",
    volts=Register(0x02),
    volts_step=1.25e-3,
    amperes=Register(0x01, signed=True),
    watts=Register(0x03),
    shunt_step=2.5e-6,
    watts_per_amperes=8,
    identity=((0xFE, TEXAS, 0xFFFF), (0xFF, 0x2270, 0xFFF0)),
    setup=((0x00, 0x6527),),
    overflow=(0x06, 0x0004),
    cycle=0.0352,
    own_shunt=0.002,
)

CHIPS: Final = {chip.name: chip for chip in (INA219, INA226, INA228, INA260)}
