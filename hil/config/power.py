"""What all kinds of power port and of meter share in a rig file; a kind's `Config` is a subclass. Switches nothing."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from hil.config.model import Model, Seconds
from hil.config.things import Thing

Leave: TypeAlias = Literal["off", "on", "as_found"]
"""What becomes of a power port when its bench ends, however it ends."""


class PowerConfig(Model):
    """A power port: one relay, outlet or switched supply, that one node's machine hangs on."""

    unattended: ClassVar[bool] = True
    """Whether it switches without a person, and so when nobody is there."""
    switches_within: ClassVar[float] = 10.0
    """Seconds that one switching may take, besides `off_at_least`."""

    kind: str = Field(description="which kind of power port")
    off_at_least: Seconds = Field(
        2.0, ge=0, le=3600, description="how long it stays off at least, so that the board's capacitors run empty"
    )
    cycles_per_hour: Annotated[int, Field(ge=1, le=3600)] = Field(
        60, description="how often it may be switched on in an hour, whoever asks"
    )
    leave: Leave = Field("off", description="how its bench leaves it: off, on, or as_found")

    @abstractmethod
    def things(self) -> tuple[Thing, ...]:
        """What it takes for itself alone: the port; each with the key of its own section that names it."""
        ...


class MeterConfig(Model):
    """A meter. Any number of readers may read one."""

    kind: str = Field(description="which kind of meter")
    every: Seconds = Field(1.0, ge=0.01, le=60, description="how often it is read while a machine is on")
    dark_below: Annotated[float, Field(gt=0, le=1000)] = Field(
        1.0, description="watts below which the machine is taken to be off; a supply itself draws some"
    )
