"""The reader of dnsmasq's log: lines that a real 2.90 wrote, forms of other versions, and anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.timeline.dnsmasq_log import (
    Aborted,
    Answered,
    Asked,
    Failed,
    Ignored,
    NotFound,
    Reader,
    Record,
    Root,
    Sent,
    UserClass,
    VendorClass,
    parse_line,
)

PI, STRANGER = "dc:a6:32:01:36:c2", "52:54:00:00:00:99"
# A bootloader, then iPXE, then a stranger, then the files that a bootloader asks for.
LOG = b"""\
dnsmasq: started, version 2.90 cachesize 150
dnsmasq-dhcp: DHCP, static leases only on 10.0.2.0, lease time 12h
dnsmasq-tftp: TFTP root is /run/hil/tftp  \n\
dnsmasq-dhcp: 1 available DHCP subnet: 10.0.2.0/255.255.255.0
dnsmasq-dhcp: 1 vendor class: PXEClient:Arch:00000:UNDI:002001
dnsmasq-dhcp: 1 DHCPDISCOVER(lan0) dc:a6:32:01:36:c2 \n\
dnsmasq-dhcp: 1 tags: known, rpi-bootloader, lan0
dnsmasq-dhcp: 1 DHCPOFFER(lan0) 10.0.2.11 dc:a6:32:01:36:c2 \n\
dnsmasq-dhcp: 1 next server: 10.0.2.100
dnsmasq-dhcp: 1 sent size: 32 option: 43 vendor-encap  06:01:03:0a:04:00:50:58:45:09:14:00:00:11...
dnsmasq-dhcp: 1 DHCPREQUEST(lan0) 10.0.2.11 dc:a6:32:01:36:c2 \n\
dnsmasq-dhcp: 1 DHCPACK(lan0) 10.0.2.11 dc:a6:32:01:36:c2 node1
dnsmasq-dhcp: 5 vendor class: PXEClient:Arch:00011:UNDI:003010
dnsmasq-dhcp: 5 user class: iPXE
dnsmasq-dhcp: 7 DHCPDISCOVER(lan0) 52:54:00:00:00:99 no address available
dnsmasq-dhcp: 8 DHCPNAK(lan0) 10.0.2.77 dc:a6:32:01:36:c2 wrong address
dnsmasq-dhcp: 4 PXE(lan0) dc:a6:32:01:36:c2 proxy
dnsmasq-dhcp: 9 PXE(lan0) 52:54:00:00:00:99 proxy-ignored
dnsmasq-tftp: error 0 Early terminate received from 10.0.2.11
dnsmasq-tftp: sent /run/hil/tftp/10c2a4b7/start4.elf to 10.0.2.11
dnsmasq-tftp: file /run/hil/tftp/10c2a4b7/pieeprom.sig not found for 10.0.2.11
dnsmasq-tftp: error 0 Early terminate received from 10.0.2.11
dnsmasq-tftp: failed sending /run/hil/tftp/10c2a4b7/RPI_EFI.fd to 10.0.2.11
dnsmasq-tftp: sent /run/hil/tftp/10c2a4b7/start4.elf to 10.0.2.11
dnsmasq-tftp: failed sending /run/hil/tftp/10c2a4b7/fixup4.dat to 10.0.2.11
dnsmasq-tftp: cannot access /run/hil/tftp/10c2a4b7/config.txt: Permission denied
dnsmasq-tftp: unsupported request from 10.0.2.11
"""
SAYS: tuple[Record, ...] = (
    VendorClass(1, "PXEClient:Arch:00000:UNDI:002001"),
    Asked("DISCOVER", PI, 1),
    Answered("OFFER", PI, "10.0.2.11", 1),
    Asked("REQUEST", PI, 1),
    Answered("ACK", PI, "10.0.2.11", 1),
    VendorClass(5, "PXEClient:Arch:00011:UNDI:003010"),
    UserClass(5, "iPXE"),
    Ignored(STRANGER, "no address available", 7),
    Answered("NAK", PI, "10.0.2.77", 8),
    Answered("PXE", PI, None, 4),
    Ignored(STRANGER, "proxy-ignored", 9),
    Failed("10c2a4b7/start4.elf", "10.0.2.11", "Early terminate"),
    NotFound("10c2a4b7/pieeprom.sig", "10.0.2.11"),
    Failed("10c2a4b7/RPI_EFI.fd", "10.0.2.11", "Early terminate"),
    Sent("10c2a4b7/start4.elf", "10.0.2.11"),
    Failed("10c2a4b7/fixup4.dat", "10.0.2.11", ""),
    Failed("10c2a4b7/config.txt", None, "Permission denied"),
)

NAMES = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
ADDRESSES = st.ip_addresses(v=4).map(str)


def test_a_whole_log_says_who_asked_and_which_files_really_went() -> None:
    reader = Reader()
    records = map(reader.read, LOG.splitlines(keepends=True))
    assert tuple(record for record in records if record is not None) == SAYS


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (b"Oct 21 12:08:16 dnsmasq-dhcp[197]: DHCPDISCOVER(eth0) dc:a6:32:01:36:c2 ", Asked("DISCOVER", PI, None)),
        (b"Oct 21 12:08:16 dnsmasq-tftp[197]: file /t/a b.bin not found", NotFound("/t/a b.bin", None)),
        (b"dnsmasq-tftp: timeout sending /t/start4.elf to 10.0.2.11", Failed("/t/start4.elf", "10.0.2.11", "")),
        (b"dnsmasq-tftp: error 3  received from 10.0.2.11", Aborted("10.0.2.11", 3, "")),
        (b"dnsmasq-tftp: TFTP root is /a b/ secure mode ", Root("/a b")),
        (b"dnsmasq-dhcp: 3 PXE(lan0) 10.0.2.11 dc:a6:32:01:36:c2 ipxe.0", Answered("PXE", PI, "10.0.2.11", 3)),
        (b"dnsmasq-dhcp: 3 BOOTP(lan0) 10.0.2.11 dc:a6:32:01:36:c2 ", None),
        (b"dnsmasq-dhcp: no address range available for DHCP request via lan0", None),
        (b"dnsmasq: started, version 2.90 cachesize 150", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_forms_of_one_line(line: bytes, record: Record | None) -> None:
    assert parse_line(line) == record


def test_a_transfer_broken_off_taints_no_other_boards_and_no_later_one() -> None:
    reader = Reader()
    reader.read(b"dnsmasq-tftp: error 0 Early terminate received from 10.0.2.11")
    assert reader.read(b"dnsmasq-tftp: sent /t/a to 10.0.2.12") == Sent("/t/a", "10.0.2.12")
    assert reader.read(b"dnsmasq-tftp: sent /t/a to 10.0.2.11") == Failed("/t/a", "10.0.2.11", "Early terminate")
    assert reader.read(b"dnsmasq-tftp: sent /t/a to 10.0.2.11") == Sent("/t/a", "10.0.2.11")


@given(st.lists(st.binary(max_size=80) | st.sampled_from(LOG.splitlines()), max_size=8))
def test_any_lines_are_read_without_error(lines: list[bytes]) -> None:
    reader = Reader()
    for line in lines:
        reader.read(line)


@given(NAMES, ADDRESSES, st.integers(0, 2**32 - 1))
def test_what_is_named_comes_back(name: str, address: str, xid: int) -> None:
    def read(text: str) -> Record | None:
        return parse_line(f"dnsmasq-{text}\n".encode())

    assert read(f"tftp: sent /t/{name} to {address}") == Sent(f"/t/{name}", address)
    assert read(f"dhcp: {xid} vendor class: {name}") == VendorClass(xid, name)
    assert read(f"dhcp: {xid} DHCPACK(lan0) {address} {PI} {name}") == Answered("ACK", PI, address, xid)
    assert read(f"dhcp: {xid} DHCPINFORM(lan0) {PI} {name}") == Ignored(PI, name, xid)
