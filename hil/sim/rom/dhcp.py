"""A Raspberry Pi's DHCP client: asks for an address and for who serves its files, and judges what is offered."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from random import getrandbits
from socket import inet_aton, inet_ntoa
from typing import Final

from hil.clock import Deadline
from hil.sim.rom import dhcp_message as dhcp
from hil.sim.rom.dhcp_message import Identity, Message
from hil.sim.rom.pace import earlier
from hil.sim.rom.port import EVERYBODY, Address, Port, Socket

_SERVER, _CLIENT = 67, 68
_NOBODY: Final = "0.0.0.0"

RPI4: Final = 0x34695052
"""The default of DHCP_OPTION97 (raspberrypi/documentation, eeprom-bootloader.adoc): "RPi4"."""
MENU: Final = b"Raspberry Pi Boot"
"""The default of PXE_OPTION43 (eeprom-bootloader.adoc)."""
BCM2837_GUID: Final = b"\x44" * 16
"""The same of every board; mended in the 3+ (boot-net.adoc, "DHCP UUID constant")."""
BCM2837_TRANSACTION: Final = 0x26F30339
"""The same each time (boot-net.adoc)."""


class NoAnswer(Exception):
    """No server answered at all."""


class NotForUs(Exception):
    """Servers answered, and none with what a Raspberry Pi needs; its text says what each lacked."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a board asks for, and of whom it takes it.

    Args:
        guid: its option 97, 16 bytes (`guid`).
        match: what option 43 of an answer must hold.
        tftp: the server that its own settings name, whatever an answer says (then option 43 is not needed); dotted.
        requested: the options that it asks for, in its order.
        requests: whether it takes an offer by a DHCPREQUEST.
        transaction: the "xid" of its messages, 32 bits; None for one by chance.
        tries: how often it asks; None for as often as there is time.
        try_seconds: documented seconds for each answer.
        all_seconds: documented seconds for all.
    """

    guid: bytes
    match: bytes = MENU
    tftp: str | None = None
    requested: tuple[int, ...] = dhcp.BCM2711_REQUESTS
    requests: bool = True
    transaction: int | None = None
    tries: int | None = None
    # eeprom-bootloader.adoc: DHCP_REQ_TIMEOUT and DHCP_TIMEOUT.
    try_seconds: float = 4.0
    all_seconds: float = 45.0


@dataclass(frozen=True, slots=True)
class Lease:
    """What it got; the port has the address already.

    Args:
        ip: its address.
        netmask: of its network.
        gateway: None where there is none.
        tftp: who serves its files.
        answer: the message with its address.
    """

    ip: str
    netmask: str
    gateway: str | None
    tftp: str
    answer: Message


def bcm2837(guid: bytes = BCM2837_GUID, match: bytes = MENU + b"   ") -> Wish:
    """What the boot ROM of a Raspberry Pi 3 or Compute Module 3 asks for.

    Five times, five seconds each; it reads three bytes more than there are, so the menu needs three spaces, and it
    takes an offer without a word (boot-net.adoc, "Known problems").

    Args:
        guid: the 3+ has its own (`guid`, without a prefix).
        match: the 3+ needs no spaces.
    """
    return Wish(
        guid,
        match,
        requested=dhcp.BCM2837_REQUESTS,
        requests=False,
        transaction=BCM2837_TRANSACTION,
        tries=5,
        try_seconds=5.0,
        all_seconds=math.inf,
    )


def guid(mac: str, serial: str, revision: int, prefix: int = RPI4) -> bytes:
    """Option 97 of a board.

    Prefix, board revision, the last four bytes of its MAC, serial number; for a prefix of 0 the serial number four
    times (eeprom-bootloader.adoc, DHCP_OPTION97). Numbers have their low byte first: a dnsmasq log has
    "52:50:69:34:11:31:a0:00:32:2e:f8:ed:10..." for a board a03111 with serial number 5b154510.

    Args:
        mac: with colons.
        serial: eight hex digits.
        revision: its revision code.
        prefix: four characters as a number.
    """
    number = int(serial, 16).to_bytes(4, "little")
    if prefix == 0:
        return number * 4
    low = bytes.fromhex(mac.replace(":", ""))[2:]
    return prefix.to_bytes(4, "little") + revision.to_bytes(4, "little") + low + number


async def ask(port: Port, wish: Wish, heard: Callable[[Message], None] = lambda _: None) -> Lease:
    """Get a lease, and give the port its address.

    Args:
        port: that asks.
        wish: what for.
        heard: told of each answer to this board, good or not, as it comes.

    Raises:
        NoAnswer: no server answered in time.
        NotForUs: those that did have nothing for a Raspberry Pi.
    """
    async with port.bound(_CLIENT) as socket:
        exchange = _Exchange(port, socket, wish, heard)
        lease = await exchange.run()
    port.address = Address(lease.ip, lease.netmask, lease.gateway)
    return lease


class _Exchange:
    """One run of it: what was asked, and what came."""

    def __init__(self, port: Port, socket: Socket, wish: Wish, heard: Callable[[Message], None]) -> None:
        self._port = port
        self._socket = socket
        self._wish = wish
        self._heard = heard
        transaction = getrandbits(32) if wish.transaction is None else wish.transaction
        self._identity = Identity(port.mac, wish.guid, transaction, wish.requested)
        self._whole = port.pace.patience(wish.all_seconds)
        self._seen: dict[str, str] = {}

    async def run(self) -> Lease:
        for tried in count(1):
            chosen = await self._discover()
            if chosen is not None:
                offer, tftp = chosen
                answer = await self._request(offer) if self._wish.requests else offer
                if answer is not None:
                    return _lease(offer, answer, tftp)
            if tried == self._wish.tries or self._whole.expired:
                break
        if not self._seen:
            raise NoAnswer("no DHCP server answered")
        raise NotForUs("; ".join(f"{server} {lacks}" for server, lacks in self._seen.items()))

    async def _discover(self) -> tuple[Message, str] | None:
        """An offer to take, and who serves the files: at once when there is one with both, else when both have come.

        The bootloader waits until it has an address and the menu, whoever sends which (raspberrypi/documentation pull
        request 395).
        """
        self._send(dhcp.discover(self._identity))
        deadline = self._patience()
        offers: list[Message] = []
        while (message := await self._answer(deadline)) is not None:
            if message.kind == dhcp.OFFER:
                offers.append(message)
                self._seen[message.source] = self._lack(message)
                if (chosen := _chosen(offers, self._wish)) is not None:
                    return chosen
        return None

    async def _request(self, offer: Message) -> Message | None:
        """The server's ACK; None where it refuses, or says nothing in time.

        A refusal is no reason to ask again at once: DHCP_REQ_TIMEOUT is the time before either is sent again.
        """
        server = offer.address(dhcp.SERVER) or offer.source
        self._send(dhcp.request(self._identity, offer.yours, server))
        self._seen[offer.source] = f"did not acknowledge {offer.yours}, which it had offered"
        deadline = self._patience()
        while (message := await self._answer(deadline)) is not None:
            if message.kind == dhcp.ACK and message.yours != _NOBODY:
                return message
            if message.kind == dhcp.NAK:
                self._seen[message.source] = f"refused {offer.yours} after it had offered it"
        return None

    def _send(self, data: bytes) -> None:
        self._socket.send(data, EVERYBODY, _SERVER)

    def _patience(self) -> Deadline:
        return earlier(self._whole, self._port.pace.patience(self._wish.try_seconds))

    async def _answer(self, deadline: Deadline) -> Message | None:
        while (datagram := await self._socket.recv(deadline)) is not None:
            message = dhcp.parse(datagram.data, self._identity, mac=datagram.mac, source=datagram.source)
            if message is not None:
                self._heard(message)
                return message
            if deadline.expired:
                break
        return None

    def _lack(self, offer: Message) -> str:
        what = f"offered {offer.yours}" if offer.yours != _NOBODY else "offered no address"
        return what if self._wish.match in offer.option(dhcp.VENDOR) else f"{what} without {_shown(self._wish.match)}"


def _chosen(offers: list[Message], wish: Wish) -> tuple[Message, str] | None:
    """Of what has come: the offer with an address, and the server of the files.

    The menu is looked for anywhere in option 43 (nobodd, docs/explain-pi-netboot.rst: "sub-string match"; rpi-eeprom,
    release notes of 2020-01-09: several menu entries). Without it an offer is for somebody else (boot-net.adoc).
    """
    addressed = [offer for offer in offers if offer.yours != _NOBODY]
    if wish.tftp is not None:
        return (addressed[0], wish.tftp) if addressed else None
    meant = [offer for offer in offers if wish.match in offer.option(dhcp.VENDOR)]
    if not meant or not addressed:
        return None
    both = next((offer for offer in meant if offer.yours != _NOBODY), None)
    return (both or addressed[0], _files_at(both or meant[0]))


def _files_at(offer: Message) -> str:
    """Who serves the files, by what an offer says of it.

    Option 66 where it is an address (nobodd, docs/explain-pi-netboot.rst; rpi-eeprom issue 72 shows that its text is
    read), "siaddr" (rpi-eeprom, release notes of 2019-10-08), then option 54 (nobodd again). Which of the first two
    goes first is not documented.
    """
    text = offer.option(dhcp.TFTP_NAME).rstrip(b"\0 ").decode("ascii", "replace")
    with suppress(ValueError):
        return str(IPv4Address(text))
    if offer.server != _NOBODY:
        return offer.server
    return offer.address(dhcp.SERVER) or offer.source


def _lease(offer: Message, answer: Message, tftp: str) -> Lease:
    netmask = answer.address(dhcp.SUBNET_MASK) or offer.address(dhcp.SUBNET_MASK) or _classful(answer.yours)
    gateway = answer.address(dhcp.ROUTER) or offer.address(dhcp.ROUTER)
    return Lease(answer.yours, netmask, None if gateway == _NOBODY else gateway, tftp, answer)


def _classful(ip: str) -> str:
    """The mask of an address whose server gives none (RFC 950, section 2.2: that of its class)."""
    first = inet_aton(ip)[0]
    return inet_ntoa((0xFFFFFFFF << (24 if first < 128 else 16 if first < 192 else 8) & 0xFFFFFFFF).to_bytes(4, "big"))


def _shown(match: bytes) -> str:
    return f'"{match.decode("ascii", "replace")}" in option 43'
