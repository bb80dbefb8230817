"""What a Raspberry Pi's bootloaders print is read in the forms of both ages, and any bytes are survived."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.timeline.rpi_uart import (
    Address,
    Answer,
    Asks,
    AwaitsLink,
    Dump,
    GaveUp,
    Has,
    Linked,
    Option,
    Record,
    Refused,
    Started,
    Trying,
    parse_line,
)

# Lines of the issues that the module names.
LINES: tuple[tuple[bytes, Record], ...] = (
    (
        b"RPi: BOOTLOADER release VERSION:c258ef8f DATE: Jul  6 2021 TIME: 11:44:56 BOOTMODE: 0x00000006 part: 0\r\n",
        Started("BOOTLOADER", "c258ef8f"),
    ),
    (
        b"  0.07 RPi: BOOTSYS release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35\r\n",
        Started("BOOTSYS", "5f18ffb6"),
    ),
    (b"Raspberry Pi Bootcode\r\n", Started("Bootcode", "")),
    (b"Boot mode: NETWORK (02) order f1\r\n", Trying("NETWORK", 2, "f1")),
    (b"  2.52 Boot mode: NETWORK (02) order f5641\r\n", Trying("NETWORK", 2, "f5641")),
    (b"Boot mode: BCM-USB-MSD (05) order f14\r\n", Trying("BCM-USB-MSD", 5, "f14")),
    (b"NET_BOOT: E4:5f:01:1f:da:6d wait for link TFTP: 0.0.0.0\r\n", AwaitsLink("e4:5f:01:1f:da:6d")),
    (b"  2.40 NETWORK: d8:3a:dd:05:fd:51 wait for link TFTP: 0.0.0.0\r\n", AwaitsLink("d8:3a:dd:05:fd:51")),
    (b"NET_BOOT: d8:3a:dd:98:09:77 wait for link TFTP6: (null)\r\n", AwaitsLink("d8:3a:dd:98:09:77")),
    (b"Wait for Link up\r\n", AwaitsLink("")),
    (b"LINK STATUS: speed: 1000 full duplex\r\n", Linked("LINK STATUS: speed: 1000 full duplex")),
    (b" 10.40 Link ready\r\n", Linked("Link ready")),
    (b" 18.54 DHCP src: 08:00:27:00:d4:68 10.14.0.3\r\n", Answer("08:00:27:00:d4:68", "10.14.0.3")),
    (b"\top: 43 len:  71 \r\n", Option(43)),
    (b"        op:  1 len:   4 255.255.255.0 19.75\r\n", Option(1)),
    (
        b"00000000  52 61 73 70 62 65 72 72  79 20 50 69 20 42 6f 6f |Raspberry Pi Boo|\r\n",
        Dump(b"Raspberry Pi Boo"),
    ),
    (b"00000010  74 ff ff 1b                                      |t...            |\r\n", Dump(b"t\xff\xff\x1b")),
    (
        b"NET 192.168.1.17 255.255.255.0 gw 0.0.0.0 tftp 192.168.1.3\r\n",
        Address("192.168.1.17", "192.168.1.3"),
    ),
    (b"NET fd49:869:6f93::1000 tftp fd49:869:6f93::1\r\n", Address("fd49:869:6f93::1000", "fd49:869:6f93::1")),
    (b"Done ARP for 192.168.2.1 got 00:30:48:c5:d2:df\r\n", Address("", "192.168.2.1")),
    (b"TFTP_GET: b4:2e:99:3d:09:1d 192.168.20.10 b7f44626/config.txt\r\n", Asks("b7f44626/config.txt")),
    (b"Read b7f44626/config.txt bytes     1540 hnd 0x0\r\n", Has("b7f44626/config.txt")),
    (b"  4.46 Read start4.elf bytes  2263776 hnd 0x8a\r\n", Has("start4.elf")),
    (b"Read File: start.elf, 2877988 (bytes)\r\n", Has("start.elf")),
    (b"MESS:00:00:19.050536:0: brfs: File read: /mfs/sd/config.txt\r\n", Has("config.txt")),
    (
        b"TFTP 1: file /srv/tftp/b7f44626/pieeprom.sig not found \r\n",
        Refused(1, "file /srv/tftp/b7f44626/pieeprom.sig not found"),
    ),
    (b"TFTP: 1: File not found\r\n", Refused(1, "File not found")),
    (b"NETBOOT init failed\r\n", GaveUp("NETBOOT init failed")),
    (b" 12.01 Firmware not found\r\n", GaveUp("Firmware not found")),
)


@pytest.mark.parametrize(("line", "record"), LINES, ids=[type(record).__name__ for _, record in LINES])
def test_a_line_of_a_real_board(line: bytes, record: Record) -> None:
    assert parse_line(line) == record


@pytest.mark.parametrize(
    "line",
    [
        b"NET 0.0.0.0 0.0.0.0 gw 0.0.0.0 tftp 0.0.0.0\r\n",
        b"TFTP: complete 1540\r\n",
        b"TFTP: disconnect: timeouts 1\r\n",
        b"    net: up ip: 0.0.0.0 sn: 0.0.0.0 gw: 0.0.0.0\r\n",
        b"RX: 14 IP: 0 IPV4: 3 MAC: 3 UDP: 3 UDP RECV: 3 IP_CSUM_ERR: 0 UDP_CSUM_ERR: 0\r\n",
        b"\t\tPXE op:  6 len:   1 \r\n",
        b"[    1.0] Raspberry Pi Bootcode is only named here\r\n",
    ],
)
def test_a_line_that_says_nothing_of_its_course(line: bytes) -> None:
    assert parse_line(line) is None


@given(before=st.binary(max_size=20), cut=st.integers(0, 60), which=st.sampled_from([line for line, _ in LINES]))
def test_any_bytes_are_survived(before: bytes, cut: int, which: bytes) -> None:
    parse_line(before + which[cut:])
    parse_line(which[:cut] + before)
