"""The kind `ina260`: an INA260, which has its shunt inside, on an I2C bus of this host. See `hil.power.ina`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hil.power.ina import INA260
from hil.power.ina_bus import InaMeter, OnI2c


class Config(OnI2c):
    """One chip."""

    kind: Literal["ina260"] = Field(description="an INA260 on an I2C bus, by smbus2")


def create(config: Config) -> InaMeter:
    """The meter of a rig's section. Nothing is opened yet."""
    return InaMeter(INA260, config, 0.0)
