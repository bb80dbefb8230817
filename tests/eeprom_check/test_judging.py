"""What a bootloader's words mean for network boot: each item's three states, and that unknown is never ok."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.eeprom_check.judging import Answer, Expected, State, decided, judge

SERIAL, MAC = "10c2a4b7", "dc:a6:32:01:36:c2"
RIG = Expected("cm4", SERIAL, MAC, (("serial", "cm4.yaml:12"), ("mac", "cm4.yaml:9")))
BANNER = (
    f"  2.12 RPi: BOOTLOADER release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35\n"
    f"  2.17 BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1722344555 serial {SERIAL} boardrev c03141 stc 1\n"
)
NETWORK = f"  2.52 Boot mode: NETWORK (02) order f\n  2.40 NETWORK: {MAC} wait for link TFTP: 0.0.0.0\n"
LINK = "  5.21 LINK STATUS: speed: 1000 full duplex\n"
LEASE = "  8.52 NET 192.0.2.11 255.255.255.0 gw 192.0.2.1 tftp 192.0.2.1\n"
GAVE_UP = " 20.00 NETBOOT init failed\n"
SD_FIRST = "  2.52 Boot mode: SD (01) order f2\n"
FROM_SD = " 3.00 Read start4.elf bytes  2249280 hnd 0x456c5\n"


def judged(*said: str, rig: Expected = RIG) -> Answer:
    return judge("".join(said).encode(), rig)


def state(answer: Answer, name: str) -> State:
    return next(item.state for item in answer.items if item.name == name)


def value(answer: Answer, name: str) -> str:
    return next(item.value for item in answer.items if item.name == name)


def test_a_board_that_is_set_and_what_of_it_is_shown() -> None:
    answer = judged(BANNER, NETWORK, LINK)
    assert answer.state is State.OK
    assert not answer.flash
    assert value(answer, "BOOT_ORDER") == "0xf2: NETWORK then RESTART"
    assert value(answer, "serial") == f"{SERIAL}, as the rig says"
    assert state(answer, "DHCP") is State.UNKNOWN
    assert [item.name for item in answer.items if not item.line] == ["DHCP"]


@pytest.mark.parametrize(
    ("said", "item", "found"),
    [
        ((BANNER, SD_FIRST, FROM_SD), "network tried", State.NO),
        ((BANNER, "Boot mode: SD (01) order f4\n"), "BOOT_ORDER", State.NO),
        ((BANNER, "Unsupported boot order 2\n", SD_FIRST), "BOOT_ORDER", State.NO),
        ((BANNER, NETWORK, GAVE_UP), "link", State.NO),
        ((BANNER.replace("2024/07/30", "2019/09/10"), NETWORK, LINK), "bootloader", State.NO),
        ((BANNER.replace("2024/07/30", "2020/01/17"), SD_FIRST, FROM_SD), "network tried", State.NO),
        ((BANNER.replace(SERIAL, "10c2a4b8"), NETWORK, LINK), "serial", State.NO),
        ((BANNER, NETWORK.replace(MAC, "dc:a6:32:01:36:c3"), LINK), "mac", State.NO),
        ((BANNER.replace("c03141", "c03111"), NETWORK, LINK), "model", State.NO),
        ((), "BOOT_UART", State.UNKNOWN),
        ((BANNER,), "BOOT_ORDER", State.UNKNOWN),
        ((BANNER, SD_FIRST), "network tried", State.UNKNOWN),
        ((BANNER.split("\n")[0], "\n", NETWORK, LINK), "serial", State.UNKNOWN),
    ],
)
def test_one_item_that_is_not_ok_is_the_answer(said: tuple[str, ...], item: str, found: State) -> None:
    answer = judged(*said)
    assert state(answer, item) is found
    assert answer.state is found


def test_what_contradicts_an_item_is_heeded() -> None:
    # raspberrypi/documentation, pull request 1426: people booted 2020-01-17 from the network.
    beta = judged(BANNER.replace("2024/07/30", "2020/01/17"), NETWORK, LINK)
    assert (state(beta, "bootloader"), beta.state) == (State.UNKNOWN, State.OK)
    # Whoever was answered had a link.
    answered = judged(BANNER, NETWORK, "DHCP src: 02:00:00:00:00:01 192.0.2.1\n", GAVE_UP)
    assert (state(answered, "link"), answered.state) == (State.OK, State.OK)
    # The line of its first attempt was lost: what is left of BOOT_ORDER after it is not all of it.
    lost = judged(BANNER, NETWORK.split("\n")[1], "\n", GAVE_UP, "Boot mode: SD (01) order f\n")
    assert (state(lost, "BOOT_ORDER"), lost.state) == (State.UNKNOWN, State.UNKNOWN)
    # No line of a rig can name what hil does not boot.
    other = judged(BANNER.replace("c03141", "c03130"), NETWORK, LINK)
    assert value(other, "model") == "pi400, and the rig says cm4: no model that hil boots"


def test_a_silent_bootloader_is_to_be_made_to_speak_and_may_be_set_all_the_same() -> None:
    answer = judged("[    0.000000] Booting Linux on physical CPU\n")
    assert (state(answer, "BOOT_UART"), answer.state) == (State.NO, State.UNKNOWN)
    assert answer.flash


def test_what_the_rig_has_wrong_is_said_with_its_line_and_nothing_is_to_be_flashed() -> None:
    answer = judged(BANNER.replace(SERIAL, "00000001"), NETWORK, LINK)
    assert value(answer, "serial") == f"00000001, and cm4.yaml:12 says {SERIAL}: change that line"
    assert not answer.flash


def test_a_card_without_firmware_is_no_boot_from_it_and_no_failure_of_the_network() -> None:
    card = SD_FIRST + " 2.60 Read config.txt bytes     2140 hnd 0x102\n 2.70 Firmware not found\n"
    assert not decided((BANNER + card).encode(), served=False)
    answer = judged(BANNER, card, NETWORK)
    assert (state(answer, "network tried"), state(answer, "link")) == (State.OK, State.UNKNOWN)


def test_without_a_rig_the_board_says_who_it_is() -> None:
    answer = judged(BANNER.replace("c03141", "c03111"), NETWORK, LINK, rig=Expected())
    assert (value(answer, "model"), value(answer, "serial"), answer.model) == ("pi4", SERIAL, "pi4")
    assert answer.state is State.OK


def test_it_is_listened_no_longer_than_it_tells_something() -> None:
    assert not decided((BANNER + NETWORK).encode(), served=False)
    assert decided((BANNER + NETWORK + LINK).encode(), served=False)
    assert decided((BANNER + NETWORK + GAVE_UP).encode(), served=False)
    assert decided((BANNER + SD_FIRST + FROM_SD).encode(), served=False)
    assert not decided((BANNER + SD_FIRST).encode(), served=False)
    assert not decided((BANNER + NETWORK + LINK).encode(), served=True)
    assert decided((BANNER + NETWORK + LINK + LEASE).encode(), served=True)
    assert decided((BANNER + "Boot mode: SD (01) order f4\n").encode(), served=False)


@settings(max_examples=unless_quick(40))
@given(st.lists(st.sampled_from([BANNER.encode(), NETWORK.encode(), LINK.encode()]) | st.binary(max_size=30)))
def test_any_bytes_have_an_answer_and_no_board_is_set_that_has_not_said_its_order(parts: list[bytes]) -> None:
    answer = judge(b"".join(parts), RIG)
    if answer.state is State.OK:
        assert BANNER.encode() in parts
        assert NETWORK.encode() in parts
