"""The bootloader's process on a real tap with a real dnsmasq: whole power-ons, faults, and a power cut in mid-file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.private_nets import needs_taps
from support.rom_lan import Lan, lan, read_until
from support.rom_network import SERIAL, UEFI, settings

from hil.sim.rom.stand_in import make

pytestmark = [pytest.mark.boot, needs_taps]

ONCE = {"BOOT_ORDER": 0xF2, "MAX_RESTARTS": 0}
CONFIG = UEFI + b"uart_2ndstage=1\n"


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Lan]:
    _serve(tmp_path, "cm4")
    with lan(tmp_path) as running:
        yield running


def _serve(folder: Path, model: str) -> Path:
    own = folder / "tftp" / SERIAL
    own.mkdir(parents=True)
    zipfile.ZipFile(make(folder, model)).extractall(own)
    (own / "config.txt").write_bytes(CONFIG)
    return own


def test_a_cm4_has_all_of_its_files_and_the_server_says_so(net: Lan) -> None:
    report, said = net.boot(settings())
    assert (report.outcome, report.image, report.pins) == ("handed over", "RPI_EFI.fd", "pl011")
    assert "brfs: File read: /mfs/sd/RPI_EFI.fd" in said
    for file in (
        "config.txt",
        "start4.elf",
        "fixup4.dat",
        "bcm2711-rpi-cm4.dtb",
        "overlays/disable-bt.dtbo",
        "RPI_EFI.fd",
    ):
        assert net.says(f"/{SERIAL}/{file} to 10.77.0.")
    assert net.says("error 0 Early terminate received from 10.77.0.")
    again, said_again = net.boot(settings())
    assert again == report
    assert [line for line in said_again.splitlines() if "DHCP" not in line] == [
        line for line in said.splitlines() if "DHCP" not in line
    ]


def test_a_cm3_has_its_files_where_the_menu_has_three_spaces_more(tmp_path: Path) -> None:
    own = _serve(tmp_path, "cm3")
    (own / "bootcode.bin").rename(tmp_path / "tftp" / "bootcode.bin")
    (own / "config.txt").write_bytes(b"arm_64bit=1\nenable_uart=1\nkernel=u-boot.bin\n")
    with lan(tmp_path, menu="Raspberry Pi Boot   ") as net:
        report, said = net.boot(settings(model="cm3"))
        assert (report.outcome, report.image, report.pins) == ("handed over", "u-boot.bin", "pl011")
        assert said.startswith("Raspberry Pi Bootcode\r\n")
        assert (
            "\neth_open 10c2a4b7/recovery.elf:\r\n  file not found\r\nRead File: start.elf, 102400 (bytes)\r\n" in said
        )
        assert net.log.count("DHCPDISCOVER(br0)") == 2
        assert "bootsig.bin not found" in net.log
        assert "DHCPREQUEST" not in net.log


@pytest.mark.parametrize(
    ("fault", "outcome", "said"),
    [
        ("wrong-option-43", "reset", "NETBOOT init failed"),
        ("no-link", "reset", "NETBOOT init failed"),
        ("no-oack", "halted", "TFTP: complete 1"),
        ("late-answer", "handed over", "Starting start4.elf"),
        ("foreign-dhcp", "handed over", "DHCP src: 02:66:5a:00:00:01 192.168.178.1"),
    ],
)
def test_faults_do_what_they_do_on_a_real_network(net: Lan, fault: str, outcome: str, said: str) -> None:
    report, uart = net.boot(settings(eeprom=ONCE, faults=(fault,)))
    assert report.outcome == outcome
    assert said in uart


def test_a_cable_that_is_plugged_in_while_the_board_waits_for_its_link_lets_it_boot(net: Lan) -> None:
    with net.start(settings(faults=("no-link",))) as process:
        assert process.stdin is not None
        read_until(process.stdout, b"wait for link")
        process.stdin.write(b"no-link off\n")
        process.stdin.flush()
        read_until(process.stdout, b"arm_loader: Starting ARM")
        assert process.wait() == 0


def test_a_power_cut_in_mid_file_leaves_it_unfinished_and_the_next_power_on_boots(net: Lan, tmp_path: Path) -> None:
    large = tmp_path / "tftp" / SERIAL / "RPI_EFI.fd"
    with large.open("wb") as file:
        file.truncate(64 << 20)
    with net.start(settings()) as process:
        read_until(process.stdout, b"Loaded overlay")
        process.kill()
    assert "RPI_EFI.fd" not in net.log
    # A file of its own: dnsmasq may have the large one open still, and takes its size from there (src/tftp.c).
    large.unlink()
    large.write_bytes(b"small")
    assert net.boot(settings())[0].outcome == "handed over"
    assert net.says(f"/{SERIAL}/RPI_EFI.fd to 10.77.0.")
