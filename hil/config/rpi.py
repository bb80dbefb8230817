"""A board's `rpi:` section in a rig file: what a Raspberry Pi's own bootloader fetches. Reads no file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from hil.config.assets import AssetPath
from hil.config.devices import is_twin
from hil.config.file_source import FileSource, NamedFile, WrittenSource
from hil.config.model import Fault, Model, RigFilePath, invalid, shown_as

_SERIAL: Final = r"[0-9a-f]{8}"
_STAND_IN: Final = r"twin:[a-z0-9][a-z0-9-]{0,31}"

BoardModel: TypeAlias = Literal["cm4", "pi4", "cm3", "cm3+"]
"""A Raspberry Pi that boots over the network, or whose carrier lets it."""


def _stand_in(text: str) -> str:
    if not is_twin(text):
        raise invalid(f"{text[:60]!r} is no stand-in of the bench twin", "write it like twin:firmware")
    return text


def _digits_in_quotes(value: object) -> object:
    # YAML reads 10012345 and 0x10c2a4b7 as numbers, 12345e78 too: which digits were written is then lost.
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise invalid(
            "expected text, and without quotes this is a number", 'put the eight digits in quotes: "10012345"'
        )
    return value


def _serial(text: str) -> str:
    if re.fullmatch(_SERIAL, text) is not None:
        return text
    # The whole number has 16 digits in /proc/cpuinfo, of which the bootloader prints and asks by the last eight.
    meant = re.fullmatch(rf"(?:0x)?[0-9a-f]*({_SERIAL})", text.strip().lower())
    hint = f"write {meant[1]}" if meant else "write what its bootloader prints after the word serial, as 10c2a4b7"
    raise invalid(f"{text[:40]!r} is not the last eight hex digits of a serial number, small", hint)


def _archive(value: object) -> object:
    return {"path": value} if isinstance(value, Path) or (isinstance(value, str) and not is_twin(value)) else value


def _which(value: object) -> str:
    """Which of the two a text or a section means, so that a mistake in it is said of that one alone."""
    return "twin" if isinstance(value, str) else "file"


StandIn: TypeAlias = Annotated[str, AfterValidator(_stand_in), shown_as(_STAND_IN, "twin:firmware")]
"""Firmware files that the bench twin makes up, which say so in their first bytes."""


BoardSerial: TypeAlias = Annotated[
    str, BeforeValidator(_digits_in_quotes), AfterValidator(_serial), shown_as(_SERIAL, "10c2a4b7")
]
"""The end of a Raspberry Pi's serial number, as its bootloader prints it and begins file names with it."""


class RpiConfig(Model):
    """How a Raspberry Pi comes from its ROM to UEFI or U-Boot, over the network."""

    model: BoardModel = Field("cm4", description="cm4, pi4, cm3 or cm3+")
    # Raspberry Pi documentation, eeprom-bootloader.adoc, TFTP_PREFIX: the default prefix is the serial number.
    serial: BoardSerial = Field(
        description="the last eight hex digits of its serial number, small, as its bootloader prints them"
    )
    firmware: Annotated[
        Annotated[StandIn, Tag("twin")] | Annotated[FileSource, Tag("file")],
        Discriminator(_which),
        BeforeValidator(_archive, json_schema_input_type=StandIn | WrittenSource),
    ] = Field(
        description="what it fetches: an archive (.zip, .tar.gz) of yours with its sha256, or the twin's stand-in"
    )
    files: dict[AssetPath, NamedFile] = Field(
        default={},
        description="files besides the archive's or in their place, each by the name that the board asks for",
    )
    via: Literal["uefi", "u-boot"] = Field("uefi", description="what its firmware starts: uefi or u-boot")
    config_txt: RigFilePath | None = Field(
        default=None, description="a config.txt of your own, instead of the one that hil writes"
    )

    def faults(self) -> Iterator[Fault]:
        """UEFI on a board for which it has no network."""
        if self.model in ("cm3", "cm3+") and self.via == "uefi":
            # pftf/RPi3 issue 40, open in January 2026.
            message = f"UEFI has no driver for the network port of a {self.model}'s carrier, so it cannot PXE-boot"
            yield Fault(("via",), message, "write via: u-boot, and name U-Boot for 64 bits among its files")
