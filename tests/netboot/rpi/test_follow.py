"""What dnsmasq's log says of one Raspberry Pi in one boot, among the lines of others and of earlier boots."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rpi_lines import LEASE, MAC, SERIAL, STARTED, UEFI_CLASS, dhcp, missing, sent, tftp
from support.wire import Wire

from hil.config.rpi import BoardModel
from hil.errors import InfrastructureError
from hil.netboot.rpi.follow import DnsmasqFollower
from hil.netboot.rpi.heard import Pi

PROBE = tftp("error 0 Early terminate received from 10.0.2.11") + sent(f"{SERIAL}/start4.elf")
BOOT = (
    LEASE + PROBE + missing(f"{SERIAL}/pieeprom.sig") + sent(f"{SERIAL}/start4.elf") + sent(f"{SERIAL}/RPI_EFI.fd")
    + dhcp(2, "DISCOVER", says=UEFI_CLASS) + dhcp(2, "ACK", address="10.0.2.11") + sent("ipxe-arm64.efi")
)  # fmt: skip


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.hang_up()
    wire.close()


def followed(wire: Wire, *, begin: int = 0, model: BoardModel = "cm4") -> DnsmasqFollower:
    return DnsmasqFollower(wire, begin, node="n1", pi=Pi(model, MAC, SERIAL))


def test_a_boot_from_bootloader_to_ipxe(wire: Wire) -> None:
    follower = followed(wire)
    wire.says(STARTED + BOOT, stamp_ns=5)
    marks = follower.take()
    assert [mark.stage for mark in marks] == ["rom-lease", "board-firmware", "armstub", "pxe", "nbp"]
    assert {(mark.at_ns, mark.source) for mark in marks} == {(5, "dnsmasq")}
    assert marks[0].evidence == f"10.0.2.11 for {MAC} (DHCPACK)"
    assert marks[1].evidence == f"{SERIAL}/start4.elf by TFTP to 10.0.2.11"
    heard = follower.heard
    assert (heard.asked, heard.offered, heard.address, heard.last_ns) == (1, True, "10.0.2.11", 5)
    assert heard.lacks("") == [f"{SERIAL}/pieeprom.sig"]


def test_a_size_probe_is_neither_a_file_nor_a_failure(wire: Wire) -> None:
    follower = followed(wire)
    wire.says(STARTED + LEASE + PROBE)
    assert [mark.stage for mark in follower.take()] == ["rom-lease"]
    assert (follower.heard.sent, follower.heard.missing) == ([], [])


def test_an_earlier_boot_counts_for_nothing_but_the_folder_of_files(wire: Wire) -> None:
    before = STARTED + BOOT + missing("0badc0de/start4.elf")
    follower = followed(wire, begin=len(before))
    wire.says(before[:300])
    assert follower.take() == []
    wire.says(before[300:] + LEASE + missing("1badc0de/start4.elf"))
    assert [mark.stage for mark in follower.take()] == ["rom-lease"]
    assert follower.heard.lacks("") == ["1badc0de/start4.elf"]


def test_what_other_machines_do_is_none_of_its_marks(wire: Wire) -> None:
    other, follower = "dc:a6:32:99:99:99", followed(wire)
    wire.says(STARTED + dhcp(3, "DISCOVER", mac=other) + dhcp(3, "ACK", mac=other, address="10.0.2.12"))
    wire.says(sent("aaaaaaaa/start4.elf", "10.0.2.12") + missing("aaaaaaaa/pieeprom.sig", "10.0.2.12"))
    assert follower.take() == []
    assert (follower.heard.asked, follower.heard.lacks("")) == (0, [])
    # Where its address is known from elsewhere, it is that one's.
    assert follower.heard.lacks("10.0.2.12") == ["aaaaaaaa/pieeprom.sig"]


def test_a_board_that_starts_again_has_its_stages_again(wire: Wire) -> None:
    follower = followed(wire)
    wire.says(STARTED + BOOT + BOOT)
    assert [mark.stage for mark in follower.take()].count("armstub") == 2


def test_a_lease_that_nobody_acknowledged_here_shows_by_the_first_file(wire: Wire) -> None:
    follower = followed(wire, model="cm3")
    wire.says(STARTED + dhcp(1, "DISCOVER") + dhcp(1, "OFFER", address="10.0.2.11"))
    assert follower.take() == []
    wire.says(sent("bootcode.bin") + missing(f"{SERIAL}/autoboot.txt"))
    assert [(mark.stage, mark.evidence) for mark in follower.take()] == [("rom-lease", "bootcode.bin was asked for")]
    assert follower.heard.offered


def test_what_the_firmware_asks_for_is_no_sign_of_the_bootloader(wire: Wire) -> None:
    follower = followed(wire)
    wire.says(STARTED + dhcp(2, "DISCOVER", says=UEFI_CLASS) + dhcp(2, "ACK", address="10.0.2.11"))
    wire.says(sent("ipxe-arm64.efi") + missing("autoexec.ipxe"))
    assert [mark.stage for mark in follower.take()] == ["pxe", "nbp"]


def test_what_dnsmasq_does_not_answer(wire: Wire) -> None:
    follower = followed(wire)
    refused = f"dnsmasq-dhcp: 1 DHCPDISCOVER(lan0) {MAC} no address available\n".encode()
    wire.says(STARTED + dhcp(1, "DISCOVER").split(b"\n")[0] + b"\n" + refused)
    assert follower.take() == []
    assert (follower.heard.refused, follower.heard.offered) == ("no address available", False)


def test_dnsmasq_or_its_keeper_ends(wire: Wire) -> None:
    follower = followed(wire)
    wire.says(b"")
    with pytest.raises(InfrastructureError, match="n1: dnsmasq ended while this machine was booting"):
        follower.take()
    wire.hang_up()
    with pytest.raises(InfrastructureError, match="the keeper of this bench has ended"):
        follower.take()
    follower.close()
    assert follower.fileno() == -1


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, len(STARTED + BOOT) - 1), max_size=8), begin=st.sampled_from([0, len(STARTED)]))
def test_a_log_cut_anywhere_says_the_same(cuts: list[int], begin: int) -> None:
    wire = Wire()
    follower, stages = followed(wire, begin=begin), []
    borders = [0, *sorted(set(cuts)), len(STARTED + BOOT)]
    for start, end in itertools.pairwise(borders):
        wire.says((STARTED + BOOT)[start:end])
        stages += [mark.stage for mark in follower.take()]
    wire.hang_up()
    wire.close()
    assert stages == ["rom-lease", "board-firmware", "armstub", "pxe", "nbp"]
