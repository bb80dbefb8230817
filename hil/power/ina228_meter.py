"""The kind `ina228`: an INA228 with its shunt on an I2C bus of this host. What it says is in `hil.power.ina`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hil.power.ina import INA228
from hil.power.ina_bus import InaMeter, WithShunt


class Config(WithShunt):
    """One chip and its shunt."""

    kind: Literal["ina228"] = Field(description="an INA228 on an I2C bus, by smbus2")


def create(config: Config) -> InaMeter:
    """The meter of a rig's section. Nothing is opened yet."""
    return InaMeter(INA228, config, config.shunt)
