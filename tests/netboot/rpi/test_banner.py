"""What is read of a Raspberry Pi bootloader's lines: those of cited logs of real boards, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.netboot.rpi.banner import Banner, digits_of, reaches_network, read_banner

# Lines of boards of other people, as they stand in public issues; each names its own.
RPI_EEPROM_376 = b"""\
RPi: BOOTLOADER release VERSION:c258ef8f DATE: Jul  6 2021 TIME: 11:44:56 BOOTMODE: 0x00000006 part: 0 \
BUILD_TIMESTAMP=1625568293 0x97533126 0x00c03140 0x000c5fe0
Boot mode: NETWORK (02) order f1
NET_BOOT: e4:5f:01:1f:da:6d wait for link TFTP: 0.0.0.0
LINK STATUS: speed: 1000 full duplex
Link ready
DHCP src: 00:15:5d:01:02:06 192.168.1.3
NET 192.168.1.17 255.255.255.0 gw 0.0.0.0 tftp 192.168.1.3
"""
RPI_EEPROM_417 = b"""\
RPi: BOOTLOADER release VERSION:c68f0c06 DATE: 2022/04/13 TIME: 16:58:38 BOOTMODE: 0x00000006 part: 0 \
BUILD_TIMESTAMP=1649865518 0xb7f44626 0x00c03111 0x0005bb58\r
PM_RSTS: 0x00001000\r
"""
CMPROVISION_43 = b"""\
  0.07 RPi: BOOTSYS release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35
  0.11 BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1722344555 serial f0560721 boardrev c03141 stc 511954
  2.12 RPi: BOOTLOADER release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35
  2.17 BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1722344555 serial f0560721 boardrev c03141 stc 2417058
  2.52 Boot mode: NETWORK (02) order f5641
  2.40 NETWORK: d8:3a:dd:05:fd:51 wait for link TFTP: 0.0.0.0
  5.21 LINK STATUS: speed: 1000 full duplex
"""
RPI_EEPROM_588 = b"""\
  1.60 RPi: BOOTLOADER release VERSION:72caf667 DATE: 2024/05/17 TIME: 12:26:58
  1.65 BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1715945218 serial 026544fd boardrev a03150 stc 1765132
  1.75 Unsupported boot order 4
  1.94 Unsupported boot order 6
  1.97 Unsupported boot order 2
  1.05 Boot mode: BCM-USB-MSD (05) order f1
"""
FIRMWARE_1575 = b"""\
RPi: BOOTLOADER release VERSION:d6d82cf9 DATE: Feb 16 2021 TIME: 13:23:40 BOOTMODE: 0x00000006 part: 0 \
BUILD_TIMESTAMP=1613481816 0x75633c6c 0x00d03114 0x000a53fa
Boot mode: NETWORK (02) order f14
DHCP src: 00:0e:c6:e2:13:18 192.168.128.1
"""
# Without a serial and "DATE:" (linux-arm-kernel, a log of 2019).
OF_2019 = b"RPi: BOOTLOADER release VERSION:f626c772 Sep 10 2019 10:41:52 BOOTMODE: 0x00000006 part: 0\n"
# Its network cable was out (a bootloader of 2021-11-22, with BOOT_ORDER=0x2).
NO_LINK = b"""\
RPi: BOOTLOADER release VERSION:3c912e10 DATE: 2021/11/22 TIME: 11:23:32 BOOTMODE: 0x00000006 part: 0
Boot mode: NETWORK (02) order 0
NET_BOOT: dc:a6:32:09:f8:c4 wait for link TFTP: 0.0.0.0
NETBOOT CANCEL
NETBOOT init failed
Boot mode: SD (00) order 0
"""


def values(banner: Banner) -> tuple[str | None, ...]:
    facts = (
        *(banner.version, banner.built, banner.serial, banner.revision, banner.order),
        *(banner.mac, banner.link, banner.lease),
    )
    return tuple(None if fact is None else fact.value for fact in facts)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            RPI_EEPROM_376,
            (
                *(
                    "c258ef8f",
                    "2021-07-06",
                    "97533126",
                    "c03140",
                    "0xf12",
                    "e4:5f:01:1f:da:6d",
                    "LINK STATUS: speed: 1000 full duplex",
                ),
                "192.168.1.17, files from 192.168.1.3",
            ),
        ),
        (RPI_EEPROM_417, ("c68f0c06", "2022-04-13", "b7f44626", "c03111", None, None, None, None)),
        (
            CMPROVISION_43,
            (
                *("5f18ffb6", "2024-07-30", "f0560721", "c03141", "0xf56412", "d8:3a:dd:05:fd:51"),
                *("LINK STATUS: speed: 1000 full duplex", None),
            ),
        ),
        (RPI_EEPROM_588, ("72caf667", "2024-05-17", "026544fd", "a03150", "0xf15", None, None, None)),
        (FIRMWARE_1575, ("d6d82cf9", "2021-02-16", "75633c6c", "d03114", "0xf142", None, None, None)),
        (OF_2019, ("f626c772", "2019-09-10", None, None, None, None, None, None)),
        (NO_LINK, ("3c912e10", "2021-11-22", None, None, "0x2", "dc:a6:32:09:f8:c4", None, None)),
    ],
)
def test_the_lines_of_cited_logs(log: bytes, expected: tuple[str | None, ...]) -> None:
    assert values(read_banner(log)) == expected


def test_each_fact_keeps_its_line_and_the_attempts_their_order() -> None:
    banner = read_banner(NO_LINK)
    assert [(mode.digit, mode.rest) for mode in banner.modes] == [(2, 0), (0, 0)]
    assert banner.tried is banner.modes[0]
    assert banner.failed is not None
    assert banner.failed.line == "NETBOOT CANCEL"
    both = read_banner(CMPROVISION_43)
    assert both.parts == ("BOOTSYS", "BOOTLOADER")
    assert both.order is not None
    assert both.order.line == "Boot mode: NETWORK (02) order f5641"
    assert read_banner(RPI_EEPROM_588).unsupported == [4, 6, 2]
    assert read_banner(FIRMWARE_1575).offer is not None


def test_boot_order_is_not_known_where_the_first_attempt_may_have_been_missed() -> None:
    assert read_banner(b"Boot mode: NETWORK (02) order f\n").order is None
    after_reset = NO_LINK + CMPROVISION_43
    order = read_banner(after_reset).order
    assert order is not None
    assert order.value == "0x2"


def test_a_line_that_has_not_ended_is_not_read() -> None:
    said = b"RPi: BOOTLOADER release VERSION:5f18ffb6 DATE: 2024/07/30\nBoot mode: NETWORK (02) order f"
    assert read_banner(said).order is None
    order = read_banner(said + b"1\r\n").order
    assert order is not None
    assert order.value == "0xf12"


@pytest.mark.parametrize(
    ("order", "reached"),
    [
        (0xF21, True),
        (0xF2, True),
        (0x2, True),
        (0xF41, False),
        (0x1, False),
        (0xE1, False),
        (0xF23, False),
        (0, False),
    ],
)
def test_whether_an_order_comes_to_the_network(order: int, reached: bool) -> None:
    assert reaches_network(order) is reached


@settings(max_examples=unless_quick(60))
@given(st.integers(0, 0xFFFFFFFF))
def test_boot_order_is_what_its_first_attempt_and_its_rest_say(order: int) -> None:
    digit = digits_of(order)[0]
    line = f"RPi: BOOTLOADER release VERSION:5f18ffb6\nBoot mode: X ({digit:02x}) order {order >> 4:x}\n"
    read = read_banner(line.encode()).order
    if 0x8 <= digit <= 0xD:
        assert read is None
    else:
        assert read is not None
        assert int(read.value, 16) == order


LINES = st.sampled_from([log + b"\n" for log in (RPI_EEPROM_376, CMPROVISION_43, NO_LINK)]) | st.binary(max_size=40)


@settings(max_examples=unless_quick(60))
@given(st.lists(LINES, max_size=6).map(b"".join), st.integers(0, 400))
@example(b"Pi: BOOTLOADER release VERSION:00000000 DATE: 2021/02/30 TIME:\n", 0)
@example(b"  1.00 Boot mode: SD (ff) order ffffffff\n", 0)
def test_any_bytes_are_read_and_what_is_shown_is_printable(data: bytes, cut: int) -> None:
    banner = read_banner(data[cut:])
    for fact in (banner.version, banner.serial, banner.order, banner.mac, banner.lease, banner.firmware):
        assert fact is None or (fact.line.replace("\t", " ").isprintable() and len(fact.line) <= 200)
