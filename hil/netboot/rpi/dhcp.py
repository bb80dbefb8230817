"""What dnsmasq is told of the Raspberry Pis on its wire, in its own words. Runs nothing, and knows no other machine.

A board asks three times: its bootloader, then UEFI, then iPXE. Its bootloader calls itself an x86 PC with a BIOS
(option 60 "PXEClient:Arch:00000:UNDI:002001", option 93 of 0; Raspberry Pi documentation, boot-net.adoc; rpi-eeprom,
issue 182), so its hardware address alone tells it from a real one. What it calls itself is matched in option 60, for
its DHCPREQUEST has that one and no option 93 (capture in Technitium DnsServer, issue 183).

Source of the options: dnsmasq(8), version 2.85 and later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from hil.netboot.rpi.option43 import menu_entry, value
from hil.netboot.rpi.tree import Tree

_BOOTLOADER: Final = "rpi-bootloader"
_CALLS_ITSELF: Final = "PXEClient:Arch:00000"
_X86_BIOS: Final = 0
_VENDOR_OPTIONS, _VENDOR_CLASS = 43, 60


def lines(trees: Iterable[Tree], *, tftp: str) -> list[str]:
    """The lines for a dnsmasq that gives the addresses too.

    A bootloader is answered with options 43 and 60 and the TFTP server's address in `siaddr`, in OFFER and ACK, as in
    Raspberry Pi's documentation. It is told no file: it ignores option 67 and asks for its own (rpi-eeprom, issue 69).
    A BCM2837 sends no DHCPREQUEST, so its OFFER says all (boot-net.adoc, "request/reply/ack sequence").

    Args:
        trees: the boards.
        tftp: the address of the TFTP server, as 10.0.2.100.
    """

    def answer(tree: Tree) -> list[str]:
        return [
            f"dhcp-option-force=tag:{_boots(tree)},{_VENDOR_CLASS},PXEClient",
            f"dhcp-option-force=tag:{_boots(tree)},{_VENDOR_OPTIONS},{value(tree.model).hex(':')}",
        ]

    return _lines(trees, answer, tftp)


def proxy_lines(trees: Iterable[Tree], *, tftp: str) -> list[str]:
    """The lines for a dnsmasq that answers beside the wire's own DHCP server, and gives no address (PXE 2.1, 2.2.3).

    dnsmasq then makes options 43 and 60 itself, of a `pxe-service`. A bootloader wants its entry to be the menu's
    first (rpi-eeprom, issue 60), and it is: no other one of these lines is for architecture 0. Without `siaddr`, which
    dnsmasq leaves empty for that architecture, a board may ask the router for its files (raspberrypi/firmware, issue
    1265).

    Beside them UEFI wants a line of its own, `pxe-service=tag:!ipxe,ARM64_EFI,iPXE,ipxe-arm64.efi`: dnsmasq gives that
    file, named as there, when EDK2 asks at port 4011 after it has the router's lease. Without any `pxe-service`
    dnsmasq answers nothing beside a router. iPXE then wants the script that has Matchbox's address in it: one that
    asks DHCP for it takes the router's boot file, where the router names one. `dhcp-ignore=tag:!known` and a
    `dhcp-host` for each machine keep strangers out. Seen with dnsmasq 2.90, EDK2 2022.11 and iPXE 1.21.1: 6.2 s from
    power-on to iPXE, of which EDK2 waits 4 s for offers.

    Args:
        trees: the boards.
        tftp: the address of the TFTP server, as 192.168.1.5.
    """

    def answer(tree: Tree) -> list[str]:
        return [f'pxe-service=tag:{_boots(tree)},{_X86_BIOS},"{menu_entry(tree.model)}"']

    return _lines(trees, answer, tftp)


def _lines(trees: Iterable[Tree], answer: Callable[[Tree], list[str]], tftp: str) -> list[str]:
    """For each board a tag, another for its bootloader alone, and what the latter is answered."""
    boards = [
        line
        for tree in trees
        for line in (
            f"dhcp-mac=set:{_board(tree)},{tree.mac}",
            f"tag-if=set:{_boots(tree)},tag:{_BOOTLOADER},tag:{_board(tree)}",
            *answer(tree),
            f"dhcp-boot=tag:{_boots(tree)},,,{tftp}",
        )
    ]
    return [f"dhcp-vendorclass=set:{_BOOTLOADER},{_CALLS_ITSELF}", *boards] if boards else []


def _board(tree: Tree) -> str:
    return "rpi-" + tree.mac.replace(":", "")


def _boots(tree: Tree) -> str:
    return _board(tree) + "-boots"
