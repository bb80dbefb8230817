"""The twin's EEPROM bootloader against a server without a network: what it fetches, says and hands over."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.rom_network import MAC, SERIAL, UEFI, FakeServer, Played, files, played, settings

from hil.sim.rom.report import Report


def booted(own: dict[str, object] | None = None, *, negotiates: bool = True, **served: object) -> Played:
    return played(settings(**(own or {})), FakeServer(files(**served), negotiates))  # type: ignore[arg-type]


def test_a_board_fetches_in_the_documented_order_and_hands_its_boot_stub_over() -> None:
    done = booted()
    assert done.report == Report("handed over", "", "RPI_EFI.fd", sha256(b"uefi").hexdigest(), "pl011", UEFI.decode())
    names = [name.removeprefix(f"{SERIAL}/") for name in done.server.asked]
    assert names == [
        "start4.elf", "config.txt", "pieeprom.sig", "recover4.elf", "recovery.elf", "start4.elf", "fixup4.dat",
        "config.txt", "bcm2711-rpi-cm4.dtb", "overlays/overlay_map.dtb", "overlays/disable-bt.dtbo", "cmdline.txt",
        "RPI_EFI.fd",
    ]  # fmt: skip
    assert all(name.startswith(f"{SERIAL}/") for name in done.server.asked)


def test_what_it_says_has_the_lines_of_a_log_of_its_year() -> None:
    new, old = booted().uart.decode(), booted({"release": "2021"}).uart.decode()
    for line in (
        "  0.07 RPi: BOOTSYS release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35\r\n",
        f"NETWORK: {MAC} wait for link TFTP: 0.0.0.0\r\n",
        "DHCP src: 02:00:00:00:00:01 10.77.0.1\r\n",
        "NET 10.77.0.69 255.255.255.0 gw 0.0.0.0 tftp 10.77.0.1\r\n",
        f"TFTP_GET: 02:00:00:00:00:01 10.77.0.1 {SERIAL}/config.txt\r\n",
    ):
        assert line in new
    for line in (
        "\nBoot mode: NETWORK (02) order e\r\nGENET: RESET_PHY\r\n",
        f"\nNET_BOOT: {MAC} wait for link TFTP: 0.0.0.0\r\nLINK STATUS: speed: 1000 full duplex\r\nLink ready\r\n",
        "\n\top: 53 len:   1 DHCP recv OFFER (2) expect OFFER\r\n",
        "\n00000000  52 61 73 70 62 65 72 72  79 20 50 69 20 42 6f 6f |Raspberry Pi Boo|\r\n",
        f"\nTFTP: complete {len(UEFI)}\r\nRead {SERIAL}/config.txt bytes {len(UEFI):8d} hnd 0x0\r\n",
        f"\nTFTP 1: file {SERIAL}/recovery.elf not found\r\n",
    ):
        assert line in old
    assert "MESS" not in new
    assert "MESS:00:00:0" in booted(config=UEFI + b"uart_2ndstage=1\n").uart.decode()
    assert booted({"eeprom": {"BOOT_UART": 0}}).uart == b""


def test_the_prefix_is_dropped_where_no_firmware_is_under_it() -> None:
    done = booted(prefix="")
    assert done.report.image == "RPI_EFI.fd"
    assert done.server.asked[:3] == [f"{SERIAL}/start4.elf", f"{SERIAL}/start.elf", "config.txt"]


@pytest.mark.parametrize(
    ("eeprom", "prefix"),
    [
        ({"TFTP_PREFIX": 2}, "dc-a6-32-01-36-c2/"),
        ({"TFTP_PREFIX": 1, "TFTP_PREFIX_STR": "lab/"}, "lab/"),
    ],
)
def test_the_prefix_is_what_its_eeprom_says(eeprom: dict[str, object], prefix: str) -> None:
    done = booted({"eeprom": eeprom}, prefix=prefix)
    assert done.report.outcome == "handed over"
    assert done.server.asked[0] == f"{prefix}start4.elf"


@pytest.mark.parametrize(
    ("own", "served", "why"),
    [
        ({}, {"without": ("start4.elf",)}, "its BOOT_ORDER says stop"),
        ({}, {"without": ("RPI_EFI.fd",)}, "the server has neither RPI_EFI.fd nor kernel8.img"),
        ({}, {"config": b"enable_uart=1\n"}, "the server has no kernel8.img"),
        ({}, {"config": UEFI.replace(b"arm_64bit=1", b"arm_64bit=0")}, "a program of 32 bits"),
        ({}, {"config": UEFI + b"#" * 4096}, "the server has no kernel8.img"),
        ({"faults": ("dead-flash",)}, {}, "its EEPROM is empty"),
        ({"faults": ("no-link",)}, {}, "its BOOT_ORDER says stop"),
        ({"eeprom": {"BOOT_ORDER": 0x3}}, {}, "it waits for a computer at its USB port"),
        ({"eeprom": {"BOOT_ORDER": 0x1}}, {}, "waits for an SD card"),
    ],
)
def test_a_board_that_cannot_boot_stays_and_says_why(
    own: dict[str, object], served: dict[str, object], why: str
) -> None:
    report = booted(own, **served).report
    assert report.outcome == "halted"
    assert why in report.why


def test_a_server_that_acknowledges_no_block_size_has_its_config_txt_ignored() -> None:
    done = booted(negotiates=False)
    assert done.report.outcome == "halted"
    assert "no kernel8.img" in done.report.why
    assert f"{SERIAL}/config.txt" in done.server.sent


def test_firmware_without_a_network_fetches_nothing_more() -> None:
    served = files()
    served[f"{SERIAL}/start4.elf"] = b"hil bench twin stand-in for start4.elf: no firmware\nwithout network support\n"
    done = played(settings(), FakeServer(served))
    assert done.report.why == "its start4.elf cannot fetch anything over a network"
    assert done.server.asked[-1] == f"{SERIAL}/fixup4.dat"


def test_config_txt_includes_other_files_for_the_firmware_alone() -> None:
    config = b"include more.txt\nenable_uart=1\ninclude nothing.txt\n"
    served = files(config) | {f"{SERIAL}/more.txt": b"include more.txt\nuart_2ndstage=1\n[all]\n" + UEFI}
    done = played(settings(), FakeServer(served))
    assert (done.report.image, done.report.pins) == ("RPI_EFI.fd", "pl011")
    assert done.server.asked.count(f"{SERIAL}/more.txt") == 4
    assert b"MESS" in done.uart.partition(b"Starting start4.elf")[2]


def test_an_empty_firmware_is_none() -> None:
    served = files() | {f"{SERIAL}/start4.elf": b""}
    assert b"Firmware not found" in played(settings(), FakeServer(served)).uart


@pytest.mark.parametrize(
    ("config", "without", "pins"),
    [
        (UEFI, (), "pl011"),
        (UEFI.replace(b"disable-bt", b"miniuart-bt"), (), "pl011"),
        (UEFI.replace(b"disable-bt", b"upstream-pi4"), (), "mini"),
        (UEFI, ("overlays/disable-bt.dtbo",), "mini"),
        (UEFI.replace(b"enable_uart=1", b"enable_uart=0"), (), "off"),
        (UEFI.replace(b"dtoverlay", b"[cm3]\ndtoverlay"), (), "mini"),
        (UEFI.replace(b"dtoverlay", b"[cm4]\ndtoverlay"), (), "pl011"),
    ],
)
def test_config_txt_decides_which_uart_is_on_the_pins(config: bytes, without: Sequence[str], pins: str) -> None:
    report = booted(config=config, without=without).report
    assert (report.outcome, report.pins) == ("handed over", pins)


@pytest.mark.parametrize(("lines", "pins"), [(b"dtoverlay=disable-bt\n", "pl011"), (b"", "off")])
def test_the_uart_of_a_raspberry_pi_4_is_on_where_it_is_the_pl011(lines: bytes, pins: str) -> None:
    served = files(b"arm_64bit=1\narmstub=RPI_EFI.fd\n" + lines)
    for model, own in (("pi4", pins), ("cm4", "off")):
        assert played(settings(model=model), FakeServer(served)).report.pins == own


def test_a_system_in_the_emmc_is_started_where_it_comes_first_and_no_network_is_asked() -> None:
    for own in ({"emmc": "bootable"}, {"faults": ("sd-preferred",), "eeprom": {"BOOT_ORDER": 0xF2}}):
        done = booted(own)
        assert done.report.outcome == "emmc"
        assert done.server.asked == done.network.wishes == []
        assert b"Boot mode: SD (01)" in done.uart
    assert booted({"emmc": "bootable", "eeprom": {"BOOT_ORDER": 0xE12}}).report.outcome == "handed over"


def test_an_own_address_and_server_need_no_dhcp() -> None:
    static = {"TFTP_IP": "10.77.0.1", "CLIENT_IP": "10.77.0.5", "SUBNET": "255.255.255.0"}
    done = booted({"eeprom": static})
    assert done.report.outcome == "handed over"
    assert done.network.wishes == []
    assert done.network.taken is not None
    assert b"NET 10.77.0.5 255.255.255.0" in done.uart


def test_restarts_end_in_a_reset_after_as_many_as_are_allowed() -> None:
    order = {"BOOT_ORDER": 0xF2, "MAX_RESTARTS": 2, "NET_BOOT_MAX_RETRIES": 1}
    done = played(settings(eeprom=order), FakeServer({}), answers=False)
    assert done.report.outcome == "reset"
    assert (done.uart.count(b"Boot mode: NETWORK"), done.uart.count(b"Retry NETWORK 1")) == (3, 3)
    assert done.uart.count(b"NETBOOT init failed") == 6


@hypothesis_settings(max_examples=unless_quick(40), deadline=None)
@given(
    order=st.integers(1, 0xFFFFFFFF),
    restarts=st.integers(0, 3),
    retries=st.integers(0, 2),
    prefix=st.integers(0, 2),
    emmc=st.sampled_from(["empty", "bootable"]),
    answers=st.booleans(),
    without=st.sets(st.sampled_from(["start4.elf", "config.txt", "RPI_EFI.fd", "fixup4.dat"])),
)
def test_a_power_on_of_any_eeprom_ends_and_the_same_one_says_the_same(
    order: int, restarts: int, retries: int, prefix: int, emmc: str, answers: bool, without: set[str]
) -> None:
    eeprom = {
        "BOOT_ORDER": order, "MAX_RESTARTS": restarts, "NET_BOOT_MAX_RETRIES": retries,
        "SD_BOOT_MAX_RETRIES": retries, "TFTP_PREFIX": prefix,
    }  # fmt: skip
    own = settings(eeprom=eeprom, emmc=emmc)
    once, again = (played(own, FakeServer(files(without=tuple(without))), answers=answers) for _ in range(2))
    assert (once.report, once.uart, once.server.asked) == (again.report, again.uart, again.server.asked)
    assert once.uart.count(b"Boot mode: RESTART") <= restarts + 1
    digits = [int(digit, 16) for digit in f"{order:x}"]
    if once.report.outcome == "handed over":
        assert 2 in digits
    if once.report.outcome == "reset":
        assert 0xF in digits
