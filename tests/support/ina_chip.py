"""An INA219, INA226, INA228 or INA260 on a bus in memory, by the formulas of its datasheet; shares nothing with hil's.

INA219 (SBOS448F, 2011, p. 24 and 30): Current = Shunt x Calibration / 4096, Power = Current x Bus / 5000.
INA226 (SBOS547, 2011, p. 15 and 16): Current = Shunt x Calibration / 2048, Power = Current x Bus / 20000.
INA228 (SLYS021): Current = Shunt register / (13107.2e6 x 312.5e-9) x SHUNT_CAL; Power and Energy by their steps.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class InaChip:
    """One chip at 40h.

    Args:
        model: "ina219", ...
        shunt: its shunt voltage register, or of the INA260 its current register.
        bus: its bus voltage register, as it is read.
        ids: its identity registers.
        trouble: errno that the next transfers raise, one each.
    """

    model: str
    shunt: int
    bus: int
    ids: dict[int, int] = field(default_factory=dict)
    trouble: list[int] = field(default_factory=list)
    overflow: bool = False
    written: dict[int, int] = field(default_factory=dict)
    opened: int = 0
    closed: int = 0

    def open(self, number: int) -> InaChip:
        assert number == 1
        self.opened += 1
        return self

    def close(self) -> None:
        self.closed += 1

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> Sequence[int]:
        self._transfer(i2c_addr)
        return list(self._value(register).to_bytes(length, "big"))

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        self._transfer(i2c_addr)
        assert len(data) == 2
        self.written[register] = int.from_bytes(bytes(data), "big")

    def _transfer(self, i2c_addr: int) -> None:
        if self.trouble:
            raise OSError(self.trouble.pop(0), "told to")
        if i2c_addr != 0x40:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")

    def _value(self, register: int) -> int:
        values = {**self.written, **self.ids, **getattr(self, f"_{self.model}")()}
        return values.get(register, 0)

    def _ina219(self) -> dict[int, int]:
        current = self.shunt * self.written.get(5, 0) // 4096
        return {1: self.shunt, 2: self.bus | self.overflow, 3: current * (self.bus >> 3) // 5000, 4: current & 0xFFFF}

    def _ina226(self) -> dict[int, int]:
        current = self.shunt * self.written.get(5, 0) // 2048
        power = abs(current) * self.bus // 20000
        return {1: self.shunt & 0xFFFF, 2: self.bus, 3: power, 4: current & 0xFFFF, 6: self.overflow << 2}

    def _ina228(self) -> dict[int, int]:
        current = round(self.shunt * self.written.get(2, 0) / (13107.2e6 * 312.5e-9))
        power = round(current * self.bus * 195.3125e-6 / 3.2)
        return {
            5: self.bus << 4,
            7: (current << 4) & 0xFFFFFF,
            8: power,
            9: power * 3600 // 16,
            0x0B: self.overflow << 9,
        }

    def _ina260(self) -> dict[int, int]:
        return {1: self.shunt & 0xFFFF, 2: self.bus, 3: abs(self.shunt) * self.bus // 6400, 6: self.overflow << 2}
