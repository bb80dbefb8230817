"""What a bootloader's process is told at a power-on: the board, its EEPROM, its eMMC, its faults. Plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, TypeAlias

from hil.sim.rom.eeprom import Eeprom, Value

Emmc: TypeAlias = Literal["empty", "bootable"]
Release: TypeAlias = Literal["2021", "2024"]

# Raspberry Pi documentation, revision-codes.adoc: new-style codes of a module or board with 4 GB (CM3: 1 GB).
REVISIONS: Final = {"cm4": 0xC03140, "pi4": 0xC03111, "cm3": 0xA020A0, "cm3+": 0xA02100}
"""The board revision of each model."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A bootloader's.

    Args:
        tap: the interface that is the board's end of its segment.
        mac: of the board's port, with colons.
        model: of `REVISIONS`.
        serial: the last eight hex digits of its serial number.
        eeprom: its configuration, by the documented names (`hil.sim.rom.eeprom`).
        emmc: what is in its eMMC, or in its SD card.
        release: the year of its bootloader, which decides how its UART's lines look.
        speed: 1 for the documented times, 2 for twice as fast, 0 for at once.
        seed: of its chance.
        faults: that hold when its power comes, of `hil.sim.rom.faults`.

    Raises:
        UsageError: its EEPROM says what no bootloader knows.
    """

    tap: str
    mac: str
    model: str
    serial: str
    eeprom: Mapping[str, Value] = field(default_factory=dict)
    emmc: Emmc = "empty"
    release: Release = "2024"
    speed: float = 0.0
    seed: int = 1
    faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See to it that a wrong EEPROM is met before a board has power."""
        Eeprom.of(self.eeprom)

    @property
    def revision(self) -> int:
        """The board's revision code."""
        return REVISIONS[self.model]

    def to_json(self) -> str:
        """As one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Settings that `to_json` wrote.

        Raises:
            ValueError: they are none.
        """
        try:
            data = json.loads(text)
            return cls(**{**data, "faults": tuple(data["faults"])})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no settings of a bootloader: {error!r}") from error
