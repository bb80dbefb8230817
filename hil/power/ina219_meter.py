"""The kind `ina219`: an INA219 with its shunt on an I2C bus of this host. What it says is in `hil.power.ina`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hil.power.ina import INA219
from hil.power.ina_bus import InaMeter, WithShunt


class Config(WithShunt):
    """One chip and its shunt."""

    kind: Literal["ina219"] = Field(description="an INA219 on an I2C bus, by smbus2")


def create(config: Config) -> InaMeter:
    """The meter of a rig's section. Nothing is opened yet."""
    return InaMeter(INA219, config, config.shunt)
