"""A bootloader's words begin stages, once in each of its starts, and what it said is kept for a diagnosis."""

from __future__ import annotations

import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.timeline.rpi_marks import RpiConsole

# Put together of lines of raspberrypi/rpi-eeprom issue 376 and 417; the last is what UEFI prints next.
OLD = b"""RPi: BOOTLOADER release VERSION:c258ef8f DATE: Jul  6 2021 TIME: 11:44:56 BOOTMODE: 0x00000006 part: 0\r
Boot mode: SD (01) order f2\r
Boot mode: NETWORK (02) order f\r
NET_BOOT: e4:5f:01:1f:da:6d wait for link TFTP: 0.0.0.0\r
LINK STATUS: speed: 1000 full duplex\r
Link ready\r
DHCP src: 00:15:5d:01:02:06 192.168.1.3\r
OPTIONS:-\r
\top: 53 len:   1 DHCP recv OFFER (2) expect OFFER\r
\top: 43 len:  32 \r
00000000  52 61 73 70 62 65 72 72  79 20 50 69 20 42 6f 6f |Raspberry Pi Boo|\r
00000010  74 ff ff 1b                                      |t...            |\r
DHCP src: 48:8f:5a:c0:e3:06 192.168.1.1\r
YI_ADDR 192.168.1.17\r
\top:  1 len:   4 255.255.255.0\r
NET 192.168.1.17 255.255.255.0 gw 0.0.0.0 tftp 192.168.1.3\r
NET 192.168.1.17 255.255.255.0 gw 0.0.0.0 tftp 192.168.1.3\r
TFTP_GET: b4:2e:99:3d:09:1d 192.168.1.3 b7f44626/config.txt\r
Read b7f44626/config.txt bytes     1540 hnd 0x0\r
TFTP 1: file /srv/tftp/b7f44626/pieeprom.sig not found \r
Read b7f44626/start4.elf bytes  2250848 hnd 0x0\r
Read b7f44626/RPI_EFI.fd bytes  2031616 hnd 0x0\r
UEFI firmware (version v1.50)\r
"""
# The same of raspberrypi/cmprovision issue 43.
NEW = b"""  0.07 RPi: BOOTSYS release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35\r
  2.12 RPi: BOOTLOADER release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35\r
  2.52 Boot mode: NETWORK (02) order f5641\r
  2.40 NETWORK: d8:3a:dd:05:fd:51 wait for link TFTP: 0.0.0.0\r
  5.21 LINK STATUS: speed: 1000 full duplex\r
  5.22 Link ready\r
"""
STAGES = ["eeprom", "link", "rom-lease", "board-firmware", "armstub"]


def follow(data: bytes) -> tuple[RpiConsole, list[str]]:
    transcript = Transcript()
    follower = RpiConsole(transcript, after=0)
    transcript.append(Chunk(7, 1, 0, data))
    return follower, [mark.stage for mark in follower.take()]


def test_a_network_boot_of_the_old_form() -> None:
    follower, stages = follow(OLD)
    assert stages == STAGES
    said = follower.said
    assert (said.starts, said.address, said.server, said.linked) == (1, "192.168.1.17", "192.168.1.3", True)
    assert said.refused == ["file /srv/tftp/b7f44626/pieeprom.sig not found"]
    ours, router = said.servers["192.168.1.3"], said.servers["192.168.1.1"]
    assert (ours.boots, ours.options, router.boots, router.options) == (True, {43, 53}, False, {1})
    assert (router.mac, said.elsewhere) == ("48:8f:5a:c0:e3:06", [])


def test_both_programs_of_the_new_form_are_one_start() -> None:
    follower, stages = follow(NEW)
    assert (stages, follower.said.starts) == (["eeprom", "link"], 1)
    _, again = follow(NEW + NEW)
    assert again == stages + stages


def test_a_bcm2837_has_no_eeprom_that_could_speak() -> None:
    follower, stages = follow(b"Raspberry Pi Bootcode\r\nRead File: start.elf, 2877988 (bytes)\r\n" * 2)
    assert (stages, follower.said.starts) == (["board-firmware"] * 2, 2)


def test_evidence_has_no_time_of_the_boards_own() -> None:
    transcript = Transcript()
    follower = RpiConsole(transcript, after=0)
    transcript.append(Chunk(7, 1, 0, NEW))
    first = follower.take()[0]
    assert (first.at_ns, first.source) == (7, "console")
    assert first.evidence == "RPi: BOOTSYS release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35"


def test_a_start_from_a_card_is_no_network_boot() -> None:
    card = (
        b"Boot mode: SD (01) order f2\r\nRead config.txt bytes 1540 hnd 0x8a\r\nRead start4.elf bytes 99 hnd 0x8a\r\n"
    )
    follower, stages = follow(card)
    assert stages == []
    assert follower.said.elsewhere == [("config.txt", "SD"), ("start4.elf", "SD")]


def test_each_try_of_the_network_is_a_round_however_it_ends() -> None:
    tries = b"Boot mode: NETWORK (02) order f1\nNET_BOOT: e4:5f:01:1f:da:6d wait for link TFTP: 0.0.0.0\n"
    follower, _ = follow(OLD[:90] + b"\r\n" + tries + b"NETBOOT CANCEL\nNETBOOT init failed\n")
    said = follower.said
    assert (said.rounds, said.over, said.awaits_link) == (1, True, True)
    follower, _ = follow(tries + b"TFTP: timeout\nBoot mode: SD (01) order f\n" + tries + b"Link ready\n")
    assert (follower.said.rounds, follower.said.over, follower.said.awaits_link) == (1, False, False)


@settings(max_examples=unless_quick(40))
@given(cuts=st.lists(st.integers(1, len(OLD) - 1), max_size=12))
def test_a_boot_cut_anywhere_gives_the_same_stages(cuts: list[int]) -> None:
    transcript = Transcript()
    follower = RpiConsole(transcript, after=0)
    stages = []
    for start, end in itertools.pairwise([0, *sorted(set(cuts)), len(OLD)]):
        transcript.append(Chunk(1, 1, transcript.end, OLD[start:end]))
        stages += [mark.stage for mark in follower.take()]
    assert stages == STAGES


ANSWER_THEN_ANOTHER_TRY = [
    b"DHCP src: dc:a6:32:00:00:01 192.168.1.3\r\n",
    b"NET_BOOT: e4:5f:01:00:00:02 wait for link TFTP: 0.0.0.0\r\n",
    b"\top: 53 len:   1 DHCP recv OFFER (2) expect OFFER\r\n",
]


@settings(max_examples=unless_quick(40))
@example(data=ANSWER_THEN_ANOTHER_TRY)
@given(data=st.lists(st.sampled_from(OLD.splitlines(keepends=True) + NEW.splitlines(keepends=True)), max_size=30))
def test_lines_in_any_order_are_survived(data: list[bytes]) -> None:
    follow(b"".join(data) or b"\n")
