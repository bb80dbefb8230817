"""First words as firmwares and kernels print them, MAC addresses, and bytes that are no text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.finding.first_words import first_words, is_text, mac_addresses
from hil.sim.uart import received

# Each as its source prints it; see hil/finding/first_words.py.
SAID = {
    "RPi: BOOTLOADER release": b"\r\nRPi: BOOTLOADER release VERSION:c258ef8f DATE: Jul  6 2021 TIME: 11:44:53\r\n",
    "NOTICE:  BL31:": b"NOTICE:  BL31: v2.10.0\r\n",
    "U-Boot 2024.01": b"\r\n\r\nU-Boot 2024.01 (Jan 08 2024 - 15:37:48 +0000)\r\n",
    "U-Boot SPL 2024.01": b"\r\nU-Boot SPL 2024.01 (Jan 08 2024)\r\n",
    "UEFI firmware (version": b"UEFI firmware (version  built at 13:10:49 on Nov  5 2024)\r\n",
    "iPXE 1.21.1": b"\x1b[1miPXE 1.21.1+\x1b[0m -- Open Source Network Boot Firmware\r\n",
    "[    0.000000] Linux version 6.1.0": b"[    0.000000] Linux version 6.1.0 (gcc)\r\n",
    "EFI stub: Booting Linux Kernel": b"EFI stub: Booting Linux Kernel...\r\n",
}


@pytest.mark.parametrize("words", SAID)
def test_what_begins_a_boot_is_known(words: str) -> None:
    noise = b"\xff\xfe"
    found = first_words(noise + SAID[words])
    assert found is not None
    assert found.words.startswith(words)
    assert SAID[words].find(words.split()[0].encode()) + len(noise) == found.at


@pytest.mark.parametrize(
    "line", [b"/ # \r\n", b"[   12.345678] usb 1-1: new\r\n", b"node1 login: ", b"talking on\r\n"]
)
def test_what_a_running_system_says_is_not(line: bytes) -> None:
    assert first_words(line) is None


def test_the_earliest_counts() -> None:
    found = first_words(SAID["U-Boot 2024.01"] + SAID["EFI stub: Booting Linux Kernel"])
    assert found is not None
    assert found.words.startswith("U-Boot")


def test_mac_addresses_as_firmwares_call_their_own() -> None:
    said = (
        b"net0: 52:54:00:12:34:56 using virtio-net on 0000:00:01.0 (Ethernet) [open]\r\n"  # iPXE, ifstat
        b"  2.40 NETWORK: D8:3A:DD:01:02:03 wait for link TFTP: 0.0.0.0\r\n"  # rpi-eeprom issue 417
        b'BdsDxe: starting Boot0001 "UEFI PXEv4 (MAC:525400123456)"\r\n'  # EDK2
    )
    assert mac_addresses(said) == ("52:54:00:12:34:56", "d8:3a:dd:01:02:03")
    assert mac_addresses(b"DHCP src: 00:11:22:33:44:55 192.168.1.1\r\n") == (), "the server's"


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_and_what_is_shown_is_safe(data: bytes) -> None:
    found = first_words(data)
    assert found is None or (0 <= found.at < len(data) and found.words.isprintable())
    assert all(re.fullmatch("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", mac) for mac in mac_addresses(data))


@settings(max_examples=unless_quick(30), deadline=None)
@given(
    st.sampled_from([9600, 19200, 38400, 57600, 230400, 460800, 921600, 1500000]),
    st.permutations(list(SAID.values())),
    st.integers(1, len(SAID)),
)
def test_text_at_another_speed_is_no_text_and_no_first_words(speed: int, lines: list[bytes], count: int) -> None:
    said = b"".join(lines[:count])
    heard = received(said, 115200, speed)
    assert is_text(said)
    assert first_words(heard) is None
    assert len(heard) < 17 or not is_text(heard)


def test_a_menu_that_is_drawn_with_lines_is_text_where_enough_of_it_came() -> None:
    menu = "│ Boot menu │\r\n".encode() * 20
    assert is_text(menu)
    assert not is_text(bytes(range(128, 256)) * 3)
