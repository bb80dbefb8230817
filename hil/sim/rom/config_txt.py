"""A config.txt as a board's firmware reads it, as far as it decides what is fetched and which UART is on the pins.

Raspberry Pi documentation, config_txt/what_is_config_txt.adoc: lines are NAME=VALUE of at most 98 characters, and one
that begins with "#" is a comment; config_txt/conditional.adoc: [NAME] is a filter for the lines below it. What stands
last holds. Whoever reads the files puts in those that it includes (`hil.sim.rom.firmware`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hil.sim.rom.settings import REVISIONS

_LINE: Final = 98
# config_txt/conditional.adoc, "Model Filters": a CM4 sees [pi4] too; a CM3 and a CM3+ see [pi3].
_SEES: Final = {"cm4": ("pi4", "cm4"), "pi4": ("pi4",), "cm3": ("pi3",), "cm3+": ("pi3",)}
_MODEL: Final = re.compile(r"pi[0-9a-z+]+|cm[0-9a-z+]+")
_TYPE: Final = "board-type="
# revision-codes.adoc, "New-style revision codes": bits 4 to 11 are the type.
_TYPES: Final = {model: revision >> 4 & 0xFF for model, revision in REVISIONS.items()}


@dataclass(frozen=True, slots=True)
class ConfigTxt:
    """What holds for one board.

    Args:
        values: the last value of each name, small.
        overlays: each `dtoverlay`, without its parameters, in order.
        initramfs: the file of an `initramfs` line, or "".
    """

    values: Mapping[str, str]
    overlays: tuple[str, ...] = ()
    initramfs: str = ""

    def text(self, name: str, default: str = "") -> str:
        """A value; the default where the name is missing."""
        return self.values.get(name, default)

    def on(self, name: str, *, default: bool = False) -> bool:
        """Whether a number is not 0; one that is none is 0."""
        try:
            return int(self.values.get(name, str(int(default))), 0) != 0
        except ValueError:
            return False


def read(data: bytes, model: str, serial: str) -> ConfigTxt:
    """What a config.txt says to one board; of any bytes.

    Args:
        data: the file.
        model: of the board ("cm4").
        serial: eight hex digits.
    """
    values: dict[str, str] = {}
    overlays: list[str] = []
    initramfs = ""
    filters: dict[str, bool] = {}
    for raw in data.splitlines():  # bytes: a string's lines end at more than these
        line = raw.decode("utf-8", "replace")[:_LINE].strip()
        if line.startswith("["):
            _filter(filters, line.strip("[] ").lower(), model, serial)
        elif line and not line.startswith("#") and all(filters.values()):
            name, equals, value = (part.strip() for part in line.partition("="))
            if name == "dtoverlay" and value:
                overlays.append(value.partition(",")[0].strip())
            elif equals:
                values[name.lower()] = value
            elif line.startswith("initramfs "):
                initramfs = line.split()[1]
    return ConfigTxt(values, tuple(overlays), initramfs)


def _filter(filters: dict[str, bool], name: str, model: str, serial: str) -> None:
    """Another filter: of one sort the last holds, those of different sorts hold together, [all] ends them."""
    if name == "all":
        filters.clear()
    elif _MODEL.fullmatch(name):
        filters["model"] = name in _SEES[model]
    elif name.startswith(_TYPE):
        filters["model"] = _is(name.removeprefix(_TYPE), _TYPES[model])
    elif name.startswith("0x"):
        filters["serial"] = name.removeprefix("0x").zfill(8) == serial
    else:  # [none], and what asks for a display, a pin or a partition that no twin has
        filters["other"] = False


def _is(text: str, number: int) -> bool:
    try:
        return int(text, 0) == number
    except ValueError:
        return False
