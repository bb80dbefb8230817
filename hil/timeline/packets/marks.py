"""Marks of what packets say: the stages that other sources see too, and DHCP's own. Reads no file.

A mark is made where its moment can be seen on the wire, so it may differ from what a console says of the same stage;
both stand in a timeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from hil.timeline.packets.conversations import Conversations, Said
from hil.timeline.packets.dhcp import Client
from hil.timeline.packets.http import Exchange
from hil.timeline.packets.names import SOURCE
from hil.timeline.packets.stamps import Stamp
from hil.timeline.packets.tftp import Transfer
from hil.timeline.rpi_said import is_armstub, is_board_firmware
from hil.timeline.stages import (
    ARMSTUB,
    BOARD_FIRMWARE,
    CONFIG,
    INITRD_FETCHED,
    IPXE,
    KERNEL_FETCHED,
    NBP,
    PROFILE,
    PXE,
    ROM_LEASE,
    Stage,
)
from hil.timeline.timeline import Mark

OFFER: Final = Stage("dhcp-offer", "a DHCP server offers an address")
LEASE: Final = Stage("lease", "a DHCP server gave an address")

# How EDK2's HTTP boot calls itself (NetworkPkg/HttpBootDxe/HttpBootClient.h).
_FIRMWARE_AGENT: Final = "UefiHttpBoot"
_NO_FIRMWARE: Final = (Client.IPXE, Client.ROM)
_IPXE_AGENT: Final = "iPXE/"
_OK: Final = 200


def marks_of(conversations: Conversations, mac: str = "") -> list[Mark]:
    """The marks, in order of time.

    Args:
        conversations: of one boot.
        mac: of the machine whose boot it is, for on a bridge it hears what the others broadcast; "" for whoever spoke.
    """
    own = [said for said in conversations.dhcp if not mac or said.message.mac == mac]
    conversations = replace(conversations, dhcp=own)
    found = [*_dhcp(own), *_bootloader(conversations)]
    programs = list(_programs(conversations))
    found += programs
    found += _ipxe(conversations, programs)
    found += _matchbox(conversations.http)
    return sorted(found, key=lambda mark: mark.at_ns)


def _mark(stage: Stage, at: Stamp, evidence: str) -> Mark:
    return Mark(stage.name, at.at_ns, at.error_ns, SOURCE, evidence)


def _dhcp(told: list[Said]) -> Iterator[Mark]:
    """A message that is sent again, for want of an answer, is marked once."""
    seen: set[tuple[str, int, str]] = set()
    for said in told:
        message = said.message
        server = message.server or said.source
        key = (message.kind, message.xid, server)
        if key in seen:
            continue
        seen.add(key)
        if message.kind == "DISCOVER" and said.client is Client.FIRMWARE:
            yield _mark(PXE, said.at, f"DHCPDISCOVER of {message.mac}, client architecture {message.arch}")
        elif message.kind == "OFFER":
            # A proxy gives a boot file alone (PXE 2.1, 2.2.3).
            given = message.given or "no address"
            file = f", boot file {message.boot_file}" if message.boot_file else ""
            yield _mark(OFFER, said.at, f"{server} offers {given} to {said.client.value}{file}")
        elif message.kind == "ACK" and message.given:
            # A boot server beside the DHCP server acknowledges as well, and gives no address (PXE 2.1, 2.2.3).
            stage = ROM_LEASE if said.client is Client.ROM else LEASE
            yield _mark(stage, said.at, f"{message.given} for {said.client.value} from {server}")


def _bootloader(conversations: Conversations) -> Iterator[Mark]:
    """What a Raspberry Pi's own bootloader has. Where nobody acknowledged an address to it (a BCM2837 asks for none:
    boot-net.adoc, "Known problems"), its first file shows that it has one.
    """
    spoke = [said for said in conversations.dhcp if said.client is Client.ROM]
    if not spoke:
        return
    if not any(said.message.kind == "ACK" and said.message.given for said in spoke):
        first = next((each for each in conversations.tftp if each.begun.at_ns >= spoke[0].at.at_ns), None)
        if first is not None:
            yield _mark(ROM_LEASE, first.begun, f"{first.client} asks {first.server} for {first.file}")
    for transfer in conversations.tftp:
        stage = BOARD_FIRMWARE if is_board_firmware(transfer.file) else ARMSTUB if is_armstub(transfer.file) else None
        if stage is not None and transfer.outcome == "done" and transfer.ended is not None:
            yield _mark(stage, transfer.ended, f"{transfer.file} by TFTP, {transfer.bytes} bytes")


def _programs(conversations: Conversations) -> Iterator[Mark]:
    """The firmware has the file that DHCP named to it, or, where nobody named one, the first EFI program."""
    named = {said.message.boot_file for said in conversations.dhcp if said.client not in _NO_FIRMWARE} - {None}
    for transfer in conversations.tftp:
        is_program = transfer.file in named if named else PurePosixPath(transfer.file).suffix == ".efi"
        if is_program and transfer.outcome == "done" and transfer.ended is not None:
            yield _mark(NBP, transfer.ended, f"{transfer.file} by TFTP, {transfer.bytes} bytes")
    for exchange in conversations.http:
        if _fetched(exchange) and (exchange.user_agent or "").startswith(_FIRMWARE_AGENT):
            yield _mark(NBP, exchange.ended or exchange.begun, f"{_asked(exchange)}, {exchange.bytes} bytes")


def _ipxe(conversations: Conversations, programs: list[Mark]) -> Iterator[Mark]:
    """The first that each iPXE asks for: it runs since the network boot program was there."""
    asked: list[tuple[Stamp, str]] = [
        (said.at, f"DHCP{said.message.kind} of iPXE")
        for said in conversations.dhcp
        if said.client is Client.IPXE and said.message.from_client
    ]
    asked += [(exchange.begun, _asked(exchange)) for exchange in conversations.http if _is_ipxe(exchange)]
    asked += [(transfer.begun, f"TFTP of {transfer.file}") for transfer in conversations.tftp if _is_script(transfer)]
    asked.sort(key=lambda one: one[0].at_ns)
    starts = [mark.at_ns for mark in programs] or [0]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        first = next((one for one in asked if one[0].at_ns >= start), None)
        if first is not None and (end is None or first[0].at_ns < end):
            yield _mark(IPXE, *first)


def _matchbox(exchanges: list[Exchange]) -> Iterator[Mark]:
    """A profile, and what iPXE fetches after it: first the kernel, as a profile names it first."""
    fetched: int | None = None
    for exchange in exchanges:
        path = _path(exchange.target)
        if exchange.status != _OK or exchange.answered is None:
            continue
        if path.endswith("/ipxe"):
            fetched = 0
            yield _mark(PROFILE, exchange.answered, _asked(exchange))
        elif path.endswith("/generic"):
            yield _mark(CONFIG, exchange.answered, f"{_asked(exchange)}, {exchange.bytes} bytes")
        elif fetched is not None and _is_ipxe(exchange) and _fetched(exchange) and not path.endswith(".ipxe"):
            fetched += 1
            stage = KERNEL_FETCHED if fetched == 1 else INITRD_FETCHED
            yield _mark(stage, exchange.ended or exchange.begun, f"{_asked(exchange)}, {exchange.bytes} bytes")


def _is_ipxe(exchange: Exchange) -> bool:
    return (exchange.user_agent or "").startswith(_IPXE_AGENT)


def _is_script(transfer: Transfer) -> bool:
    """What iPXE looks for beside its own file (ipxe, src/usr/autoboot.c)."""
    return PurePosixPath(transfer.file).name == "autoexec.ipxe"


def _fetched(exchange: Exchange) -> bool:
    return exchange.method == "GET" and exchange.status == _OK and exchange.outcome == "done"


def _asked(exchange: Exchange) -> str:
    status = "" if exchange.status is None else f"{exchange.status} "
    return f"{status}{exchange.method} {exchange.target}"


def _path(target: str) -> str:
    """The path of a request's target, absolute or not (RFC 9112, 3.2); "" where it has none."""
    try:
        return unquote(urlsplit(target).path)
    except ValueError:
        return ""
