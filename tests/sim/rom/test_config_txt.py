"""A config.txt as a board of the twin reads it, and its EEPROM's values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.errors import UsageError
from hil.sim.rom.config_txt import read
from hil.sim.rom.eeprom import Eeprom
from hil.sim.rom.settings import Settings

TEXT = b"""# a comment=1
kernel=first.img
kernel = u-boot.bin
[pi3]
kernel=other.img
[cm4]
enable_uart=1
[0x00000001]
armstub=no.bin
[all]
[none]
device_tree=no.dtb
[all]
dtoverlay=disable-bt,speed=1
dtoverlay=upstream-pi4
initramfs initrd.gz followkernel
"""


def test_what_holds_is_what_stands_last_under_a_filter_of_this_board() -> None:
    config = read(TEXT, "cm4", "10c2a4b7")
    assert config.values == {"kernel": "u-boot.bin", "enable_uart": "1"}
    assert (config.overlays, config.initramfs) == (("disable-bt", "upstream-pi4"), "initrd.gz")
    assert read(TEXT, "cm3", "00000001").values == {"kernel": "other.img"}
    assert config.on("enable_uart")
    assert not config.on("kernel")
    assert read(b"x" * 97 + b"=1", "cm4", "1").values == {"x" * 97: ""}


@pytest.mark.parametrize(
    ("model", "written", "holds"),
    [("cm4", "0x14", True), ("cm4", "20", True), ("pi4", "0x11", True), ("cm3", "0xa", True), ("cm3+", "0x10", True),
     ("cm4", "0x11", False), ("cm4", "cm4", False), ("cm4", "", False)],
)  # fmt: skip
def test_a_filter_of_a_board_type_is_one_of_its_model(model: str, written: str, holds: bool) -> None:
    config = read(f"[pi2]\n[board-type={written}]\nenable_uart=1".encode(), model, "10c2a4b7")
    assert config.on("enable_uart") is holds


def test_a_comment_ends_where_its_line_does() -> None:
    for byte in (b"\x0b", b"\x0c", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8"):
        assert read(b"# off:" + byte + b"enable_uart=1", "cm4", "10c2a4b7").values == {}


@settings(max_examples=unless_quick(50), deadline=None)
@given(st.binary(max_size=300) | st.text("[]=#\n dtoverlaycm4", max_size=200).map(str.encode))
def test_any_bytes_are_some_config(data: bytes) -> None:
    config = read(data, "cm4", "10c2a4b7")
    assert all(name == name.lower() and "\n" not in value for name, value in config.values.items())


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"BOOT_ORDERS": 1}, "no BOOT_ORDERS"),
        ({"BOOT_ORDER": "f21"}, "BOOT_ORDER of the twin's bootloader is 'f21'"),
        ({"TFTP_PREFIX": 3}, "TFTP_PREFIX"),
        ({"TFTP_IP": "999.1.1.1"}, "TFTP_IP"),
    ],
)
def test_an_eeprom_that_no_bootloader_knows_is_refused_before_a_board_has_power(
    written: dict[str, str | int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Settings("tap0", "dc:a6:32:01:36:c2", "cm4", "10c2a4b7", written)


def test_an_eeprom_has_the_documented_defaults_and_least_values() -> None:
    assert Eeprom.of({}) == Eeprom()
    eeprom = Eeprom.of({"BOOT_ORDER": "0xf21", "DHCP_TIMEOUT": 1, "DHCP_REQ_TIMEOUT": 0, "TFTP_FILE_TIMEOUT": 1})
    assert (eeprom.boot_order, eeprom.dhcp_seconds, eeprom.dhcp_try_seconds, eeprom.tftp_seconds) == (0xF21, 5, 0.5, 5)


def test_settings_survive_their_json() -> None:
    own = Settings("tap0", "dc:a6:32:01:36:c2", "cm3", "10c2a4b7", {"BOOT_UART": 1}, faults=("no-link",))
    assert Settings.from_json(own.to_json()) == own
    for text in ("", "[]", "{}", '{"faults": 3}'):
        with pytest.raises(ValueError, match="no settings"):
            Settings.from_json(text)
