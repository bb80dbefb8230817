"""What Raspberry Pis are answered by a real dnsmasq that was told hil's lines, and that nobody else is answered so."""

from __future__ import annotations

from pathlib import Path

from support.dnsmasq_wire import SERVER, Ask, ask
from support.private_nets import needs_private_net

from hil.netboot.rpi.dhcp import lines, proxy_lines
from hil.netboot.rpi.tree import Tree

CM4, CM3, PC, STRANGER = "dc:a6:32:01:36:c2", "b8:27:eb:01:02:03", "00:11:22:33:44:55", "52:54:00:00:00:99"
TREES = (Tree("cm4", CM4, "10c2a4b7", {}, {}), Tree("cm3", CM3, "3201fe2c", {}, {}))
TFTP = "10.0.2.101"

BOOTLOADER, UEFI, IPXE = (
    "PXEClient:Arch:00000:UNDI:002001",
    "PXEClient:Arch:00011:UNDI:003000",
    "PXEClient:Arch:00011:UNDI:003010",
)
# Raspberry Pi documentation, boot-net.adoc: what the board asks for, and the answer's option 43 in its own numbers.
WANTS = (1, 3, 43, 60, 66, 67, *range(128, 136))
DOCUMENTED = "6.1.3.10.4.0.80.88.69.9.20.0.0.17.82.97.115.112.98.101.114.114.121.32.80.105.32.66.111.111.116.255"
MENU = bytes(map(int, DOCUMENTED.split("."))).hex()
# raspberrypi/firmware, issue 941 has the same with two spaces: only the two lengths and the spaces differ.
MENU_OF_BCM2837 = MENU.replace("0914000011", "0917000014").replace("6f6f74ff", "6f6f74202020ff")
PXE_CLIENT = b"PXEClient".hex()

AS_CM4 = Ask(CM4, BOOTLOADER, 0, WANTS)
AS_CM3 = Ask(CM3, BOOTLOADER, 0, WANTS)
AS_PC = Ask(PC, BOOTLOADER, 0, WANTS)
AS_UEFI = Ask(CM4, UEFI, 11, WANTS)
AS_IPXE = Ask(CM4, IPXE, 11, WANTS, user="iPXE")
AS_LINUX = Ask(CM4, wants=(1, 3, 6))
AS_STRANGER = Ask(STRANGER, BOOTLOADER, 0, WANTS)
# Its second message has neither option 93 nor 55 (capture in Technitium DnsServer, issue 183).
REQUESTS = Ask(CM4, BOOTLOADER, address="10.0.2.11")

SEGMENT = (
    "enable-tftp",
    "tftp-root=/",
    "dhcp-userclass=set:ipxe,iPXE",
    "dhcp-boot=tag:ipxe,http://10.0.2.100:8080/boot.ipxe",
)
SERVING = (
    "dhcp-range=10.0.2.0,static,255.255.255.0,12h",
    f"dhcp-host={CM4},10.0.2.11",
    f"dhcp-host={CM3},10.0.2.12",
    f"dhcp-host={PC},10.0.2.13",
    *SEGMENT,
    "dhcp-match=set:arm64,option:client-arch,11",
    "dhcp-boot=tag:arm64,tag:!ipxe,ipxe-arm64.efi",
)
PROXYING = (
    "dhcp-range=10.0.2.0,proxy,255.255.255.0",
    f"dhcp-host={CM4}",
    f"dhcp-host={CM3}",
    f"dhcp-host={PC}",
    "dhcp-ignore=tag:!known",
    *SEGMENT,
    "pxe-service=tag:!ipxe,ARM64_EFI,iPXE,ipxe-arm64.efi",
)


def test_without_boards_dnsmasq_is_told_nothing() -> None:
    assert lines([], tftp=TFTP) == proxy_lines([], tftp=TFTP) == []


@needs_private_net
def test_each_bootloader_has_its_menu_and_the_rest_have_none(tmp_path: Path) -> None:
    asks = [AS_STRANGER, AS_CM4, AS_CM3, AS_PC, AS_UEFI, AS_IPXE, AS_LINUX, REQUESTS]
    heard = {each.ask: each for each in ask([*SERVING, *lines(TREES, tftp=TFTP)], asks, tmp_path)}
    assert sorted(heard) == [1, 2, 3, 4, 5, 6, 7], "a stranger is answered nothing"
    for board, menu, given in ((1, MENU, "10.0.2.11"), (7, MENU, "10.0.2.11"), (2, MENU_OF_BCM2837, "10.0.2.12")):
        answer = heard[board]
        assert answer.options[43] == menu
        assert answer.options[60] == PXE_CLIENT
        assert (answer.given, answer.server, answer.file) == (given, TFTP, "")
        assert 66 not in answer.options
    assert [heard[number].options[53] for number in (1, 2, 7)] == ["02", "02", "05"]
    for number in (3, 4, 5, 6):
        assert not {43, 60} & set(heard[number].options)
    assert [heard[number].file for number in (3, 4, 5, 6)] == [
        "",
        "ipxe-arm64.efi",
        "http://10.0.2.100:8080/boot.ipxe",
        "",
    ]


@needs_private_net
def test_beside_a_router_it_gives_boot_data_and_no_address(tmp_path: Path) -> None:
    asks = [AS_STRANGER, AS_LINUX, REQUESTS, AS_PC, AS_CM3, AS_UEFI, AS_IPXE, AS_CM4]
    heard = {each.ask: each for each in ask([*PROXYING, *proxy_lines(TREES, tftp=TFTP)], asks, tmp_path)}
    assert sorted(heard) == [3, 4, 5, 6, 7], "leases are the router's, and strangers are nobody's"
    assert {each.given for each in heard.values()} == {"0.0.0.0"}
    assert {each.options[60] for each in heard.values()} == {PXE_CLIENT}
    assert not any(51 in each.options for each in heard.values())
    assert (heard[7].options[43], heard[4].options[43]) == (MENU, MENU_OF_BCM2837)
    assert (heard[7].server, heard[4].server) == (TFTP, TFTP)
    assert b"Raspberry".hex() not in heard[3].options[43]
    assert (heard[5].server, 43 in heard[5].options) == (SERVER, False)
    assert heard[6].file == "http://10.0.2.100:8080/boot.ipxe"
