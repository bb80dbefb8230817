"""Which moments of conversations are marks: the firmware's own HTTP boot, programs nobody named, a second boot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.timeline.packets.conversations import Captured, Conversations, Said
from hil.timeline.packets.dhcp import Client, Message
from hil.timeline.packets.http import Exchange
from hil.timeline.packets.marks import marks_of
from hil.timeline.packets.stamps import Stamp
from hil.timeline.packets.tftp import Transfer

NOTHING = Captured(0, 0, cut=True, note="")
FIRMWARE, IPXE = "UefiHttpBoot/1.0", "iPXE/1.21.1"


def get(at: int, target: str, agent: str = IPXE, *, status: int = 200, outcome: str = "done") -> Exchange:
    return Exchange(
        Stamp(at, 0), "10.0.2.15", "10.0.2.2:80", "GET", target, None, agent,
        Stamp(at + 1, 0), Stamp(at + 2, 0), status, 7, 7, 0, outcome,
    )  # fmt: skip


def tftp(at: int, file: str, outcome: str = "done") -> Transfer:
    return Transfer(Stamp(at, 0), "10.0.2.15", "10.0.2.2", file, Stamp(at + 2, 0), outcome=outcome)


def asks(at: int, client: Client, kind: str = "DISCOVER", xid: int = 1) -> Said:
    message = Message(kind, True, xid, "52:54:00:00:00:01", None, None, None, "", {})
    return Said(Stamp(at, 0), "0.0.0.0:68", "255.255.255.255:67", message, client)


def offers(at: int, client: Client, file: str, xid: int = 1) -> Said:
    message = Message("OFFER", False, xid, "52:54:00:00:00:01", None, "10.0.2.15", None, file, {})
    return Said(Stamp(at, 0), "10.0.2.2:67", "255.255.255.255:68", message, client)


def told(
    *, dhcp: list[Said] | None = None, tftp: list[Transfer] | None = None, http: list[Exchange] | None = None
) -> list[tuple[int, str]]:
    found = marks_of(Conversations(NOTHING, dhcp or [], tftp or [], http or []))
    return [(mark.at_ns, mark.stage) for mark in found]


def test_the_firmware_boots_by_http() -> None:
    head = replace(get(10, "/ipxe.efi", FIRMWARE), method="HEAD")
    requests = [head, get(20, "/ipxe.efi", FIRMWARE), get(30, "/autoexec.ipxe")]
    assert told(http=requests) == [(22, "nbp"), (30, "ipxe")]


def test_the_program_is_what_dhcp_named_to_the_firmware() -> None:
    files = [tftp(10, "ipxe.efi", "size-probe"), tftp(20, "ipxe.efi"), tftp(30, "splash.efi")]
    named = [offers(1, Client.FIRMWARE, "ipxe.efi"), offers(2, Client.IPXE, "splash.efi", xid=2)]
    assert told(dhcp=named, tftp=files) == [(1, "dhcp-offer"), (2, "dhcp-offer"), (22, "nbp")]
    assert told(tftp=files) == [(22, "nbp"), (32, "nbp")]


def test_a_raspberry_pis_bootloader_has_marks_of_its_own() -> None:
    acked = replace(offers(3, Client.ROM, ""), message=replace(offers(3, Client.ROM, "").message, kind="ACK"))
    files = [tftp(5, "a1/start4.elf", "size-probe"), tftp(10, "a1/start4.elf"), tftp(20, "a1/RPI_EFI.fd")]
    asked = [asks(1, Client.ROM), offers(2, Client.ROM, "a.efi"), acked]
    bootloader = [(2, "dhcp-offer"), (3, "rom-lease"), (12, "board-firmware"), (22, "armstub")]
    assert told(dhcp=asked, tftp=files) == bootloader
    # What it was offered names no program to the firmware that comes after it.
    after = [asks(30, Client.FIRMWARE, xid=2), offers(31, Client.FIRMWARE, "ipxe.efi", xid=2)]
    found = told(dhcp=asked + after, tftp=[*files, tftp(40, "ipxe.efi"), tftp(50, "a.efi")])
    assert found == [*bootloader, (30, "pxe"), (31, "dhcp-offer"), (42, "nbp")]


def test_a_bootloader_that_is_given_its_address_without_an_acknowledgement() -> None:
    asked = [asks(1, Client.ROM), offers(2, Client.ROM, "")]
    assert told(dhcp=asked, tftp=[tftp(9, "bootcode.bin")]) == [(2, "dhcp-offer"), (9, "rom-lease")]
    assert told(dhcp=asked) == [(2, "dhcp-offer")]


def test_a_boot_server_that_acknowledges_gives_no_address() -> None:
    message = replace(offers(3, Client.ROM, "").message, kind="ACK", asked="192.168.1.71", given=None)
    beside = replace(offers(3, Client.ROM, ""), message=message)
    assert told(dhcp=[beside, replace(beside, client=Client.FIRMWARE)]) == []
    assert told(dhcp=[asks(1, Client.ROM), beside], tftp=[tftp(9, "a1/config.txt")]) == [(9, "rom-lease")]


def test_a_program_that_did_not_come_whole_is_none() -> None:
    assert told(tftp=[tftp(10, "ipxe.efi", "aborted"), tftp(20, "ipxe.efi", "open")]) == []


@pytest.mark.parametrize("first", ["dhcp", "tftp", "http"])
def test_ipxe_runs_since_the_first_that_it_asks_for(first: str) -> None:
    at = {"dhcp": 40, "tftp": 50, "http": 60, first: 30}
    found = told(
        dhcp=[asks(at["dhcp"], Client.IPXE)],
        tftp=[tftp(10, "ipxe.efi"), tftp(at["tftp"], "autoexec.ipxe")],
        http=[get(at["http"], "/boot.ipxe")],
    )
    assert found == [(12, "nbp"), (30, "ipxe")]


def test_a_second_boot_on_the_same_timeline_has_marks_of_its_own() -> None:
    found = told(
        dhcp=[asks(1, Client.FIRMWARE), asks(2, Client.FIRMWARE), asks(101, Client.FIRMWARE, xid=2)],
        tftp=[tftp(10, "ipxe.efi"), tftp(110, "ipxe.efi")],
        http=[get(at, path) for start in (20, 120) for at, path in ((start, "/ipxe"), (start + 10, "/kernel"))],
    )
    boot = [(1, "pxe"), (12, "nbp"), (20, "ipxe"), (21, "profile"), (32, "kernel-fetched")]
    assert found == boot + [(at + 100, stage) for at, stage in boot]


def test_what_is_no_file_of_the_profile() -> None:
    before, profile = get(10, "/logo.png"), get(20, "/ipxe?mac=a")
    after = [
        get(30, "/more.ipxe"),
        get(40, "/kernel", status=404),
        get(50, "/kernel", outcome="cut short"),
        get(60, "/kernel", "curl/8"),
        get(70, "/kernel"),
        get(80, "/one"),
        get(90, "/generic", "curl/8"),
        get(100, "/generic", "curl/8", status=404),
    ]
    assert told(http=[before, profile, *after]) == [
        (10, "ipxe"), (21, "profile"), (72, "kernel-fetched"), (82, "initrd-fetched"), (91, "config"),
    ]  # fmt: skip


def test_a_profile_that_matchbox_does_not_have_is_no_mark() -> None:
    assert told(http=[get(10, "/ipxe", status=404), get(20, "http://[", status=200)]) == [(10, "ipxe")]


def test_the_systems_own_dhcp_is_no_pxe() -> None:
    assert told(dhcp=[asks(1, Client.SYSTEM)]) == []


def test_a_proxy_that_gives_a_boot_file_alone() -> None:
    said = offers(1, Client.FIRMWARE, "ipxe.efi")
    proxy = replace(said, source="10.0.2.9:67", message=replace(said.message, given=None))
    one, other = marks_of(Conversations(NOTHING, [said, said, proxy]))
    assert one.evidence == "10.0.2.2:67 offers 10.0.2.15 to firmware, boot file ipxe.efi"
    assert other.evidence == "10.0.2.9:67 offers no address to firmware, boot file ipxe.efi"


def test_an_ipxe_that_never_asked_has_no_mark() -> None:
    files = [tftp(10, "ipxe.efi"), tftp(110, "ipxe.efi")]
    assert told(tftp=files, http=[get(120, "/boot.ipxe")]) == [(12, "nbp"), (112, "nbp"), (120, "ipxe")]


def test_what_other_machines_broadcast_is_none_of_its_marks() -> None:
    others = [
        replace(said, message=replace(said.message, mac="52:54:00:00:00:02"))
        for said in (asks(1, Client.FIRMWARE), offers(2, Client.FIRMWARE, "ipxe.efi"), asks(3, Client.IPXE))
    ]
    own = [asks(11, Client.FIRMWARE, xid=2), asks(13, Client.IPXE, xid=3)]
    heard = Conversations(NOTHING, [*others, *own])
    assert [mark.at_ns for mark in marks_of(heard, "52:54:00:00:00:01")] == [11, 13]
    assert len(marks_of(heard)) > 2
