"""A board's `rpi:` section: what it takes, and what no Raspberry Pi can do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from hil.config.file_source import FileSource
from hil.config.model import Model
from hil.config.rpi import RpiConfig
from hil.config.twin import TwinBoard


def section(**keys: object) -> RpiConfig:
    return RpiConfig.model_validate({"serial": "10c2a4b7", "firmware": "twin:firmware", **keys})


def test_an_archive_is_a_path_alone_or_has_its_digest(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.touch()
    for written in (archive, {"path": archive}, {"path": archive, "sha256": "0" * 64}):
        firmware = section(firmware=written).firmware
        assert isinstance(firmware, FileSource)
        assert firmware.path == archive
    assert section().firmware == "twin:firmware"


@pytest.mark.parametrize(
    "keys",
    [
        {"serial": "10C2A4B7"},
        {"serial": "0000000010c2a4b7"},
        {"model": "pi5"},
        {"via": "grub"},
        {"firmware": {"url": "https://192.0.2.1/a.zip"}},  # what a server sends may change
        {"files": {"../start4.elf": "/dev/null"}},
    ],
)
def test_what_is_no_section(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        section(**keys)


@pytest.mark.parametrize("model", ["cm3", "cm3+"])
def test_a_cm3_has_no_network_in_uefi(model: str) -> None:
    (fault,) = section(model=model).faults()
    assert (fault.at, "no driver for the network port" in fault.message) == (("via",), True)
    assert [*section(model=model, via="u-boot").faults()] == [*section(model="cm4").faults()] == []


@pytest.mark.parametrize(
    ("written", "said", "to_do"),
    [
        ("10C2A4B7", "'10C2A4B7' is not the last eight", "write 10c2a4b7"),
        ("0x10c2a4b7", "'0x10c2a4b7' is not the last eight", "write 10c2a4b7"),
        ("10000000D0C2A4B7", "'10000000D0C2A4B7' is not the last eight", "write d0c2a4b7"),
        ("10c2a4b", "'10c2a4b' is not the last eight", "what its bootloader prints after the word serial"),
        ("", "'' is not the last eight", "what its bootloader prints after the word serial"),
        (10012345, "without quotes this is a number", "put the eight digits in quotes"),
        (0x10C2A4B7, "without quotes this is a number", "put the eight digits in quotes"),
        (12345e78, "without quotes this is a number", "put the eight digits in quotes"),
    ],
)
@pytest.mark.parametrize("make", [section, TwinBoard])
def test_a_serial_number_in_another_form(make: Callable[..., Model], written: object, said: str, to_do: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(serial=written)
    (error,) = caught.value.errors()
    assert said in error["ctx"]["message"]
    assert to_do in error["ctx"]["hint"]
