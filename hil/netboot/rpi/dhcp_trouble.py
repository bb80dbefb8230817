"""Why a Raspberry Pi's bootloader has no address to fetch from: no link, no answer, an answer that is none for it.

Each of these looks at what is known and returns the trouble, or None. Source of what a bootloader needs:
raspberrypi/documentation, boot-net.adoc and eeprom-bootloader.adoc (PXE_OPTION43, DHCP_TIMEOUT, TFTP_IP).
"""

from __future__ import annotations

from typing import Final

from hil.netboot.rpi.advice import has_eeprom
from hil.netboot.rpi.known import Known
from hil.timeline.rpi_said import BOOT_TEXT, Server
from hil.timeline.trouble import Trouble

_TEXT: Final = BOOT_TEXT.decode()
_SHOWN: Final = 3
# RFC 2132, 8.4 and 9.4. A bootloader takes the server that option 66 names without any option 43, as a log of one of
# 2021-11-22 shows.
_MENU, _TFTP_SERVER = 43, 66
_OWN_SWITCH: Final = "hang board and bench on a switch of their own"
_PROXY: Final = (
    "where that server has to stay, write `dhcp: proxy` in the rig's segment, so that hil adds what a Raspberry Pi"
    " needs beside it"
)
_BESIDE: Final = (
    "see whether something between bench and board drops the bench's answers (DHCP snooping of a switch, a firewall),"
    " and whether that server names boot files of its own"
)


def no_link(known: Known) -> Trouble | None:
    """Its port waits for a link, or gave that up."""
    if not known.said.awaits_link or known.said.servers or known.past("rom-lease"):
        return None
    return Trouble(
        "no link",
        "its bootloader waits for a link on its network port, and there is none",
        hint="see both ends of its network cable and the switch's port; the port's lamps must be lit. A carrier"
        " without magnetics, or a switch port that is shut, looks the same",
    )


def other_mac(known: Known) -> Trouble | None:
    """Its port has another MAC address than the rig says, for which nobody is answered."""
    if known.asked_for_address or known.past("board-firmware", "profile"):
        return None
    port = known.port()
    if not port or port == known.pi.mac:
        return None
    return Trouble(
        "another MAC address",
        f"its bootloader says that its port has the MAC address {port}, and the rig file says {known.pi.mac}, which"
        " alone the bench answers",
        hint=f"write `mac: {port}` for this node in the rig file, and its `serial:`, if that is the board; else its"
        " console's cable is on another board",
    )


def no_answer(known: Known) -> Trouble | None:
    """Its port has a link, and no DHCP server answers."""
    said, heard = known.said, known.heard
    if heard is None or not said.linked or said.address or said.servers or known.past("rom-lease"):
        return None
    if not heard.asked:
        return Trouble(
            "asks elsewhere",
            "its bootloader has a link and asks for an address, and nothing of that reaches the bench"
            f"{by_others(known)}",
            hint=f"{if_one_is_it(known)}the board's cable leads to another network than the rig's `nic:`; look at the"
            " switch, its VLANs, and whether its port forwards at once (spanning tree: portfast)",
        )
    if not heard.offered:
        return Trouble(
            "DHCP ignores it",
            f"its bootloader asked the bench for an address and got no answer: {heard.refused or 'no reason given'}",
            hint="see that the node's `mac:` in the rig file is the board's; dnsmasq.log in the bench's folder has all"
            " that was asked",
        )
    return Trouble(
        "answers lost",
        f"its bootloader asked {heard.asked} times for an address, the bench answered, and the board heard nothing",
        hint="something between them drops answers: DHCP snooping of a switch, or a firewall of this host",
    )


def router_answers(known: Known) -> Trouble | None:
    """Another server answered, without what a Raspberry Pi waits for, and the bench's answer did not come."""
    said = known.said
    if said.address or not known.others or known.bench in said.servers:
        return None
    lacking = next((f"; {words}" for server in known.others if (words := _lacking(server))), "")
    return Trouble(
        "DHCP answered by a router",
        f"DHCP was answered by {_named(known.others)} and not by the bench ({known.bench}){lacking}, so its bootloader"
        " takes no address",
        hint=_one_wire(known),
    )


def another_server(known: Known) -> Trouble | None:
    """It settled on another machine to fetch from."""
    said = known.said
    if not said.server or said.server == known.bench or known.past("board-firmware"):
        return None
    who = next((f" ({server.mac})" for server in known.others if server.address == said.server), "")
    namer = next((server.address for server in known.others if _TFTP_SERVER in server.options), "")
    named = f"take option 66 out of what the DHCP server {namer} answers; or " if namer else ""
    return Trouble(
        "another server",
        f"its bootloader fetches from {said.server}{who} and not from the bench ({known.bench})",
        hint=f"{named}take TFTP_IP out of the configuration in its EEPROM, where it stands there; else"
        f" {_one_wire(known)}",
    )


def no_option_43(known: Known) -> Trouble | None:
    """The bench answered, and its answer lacks what the bootloader wants to see."""
    said = known.said
    ours = said.servers.get(known.bench)
    if ours is None or said.address:
        return None
    beside = f"; {_named(known.others)} answered too" if known.others else ""
    lacking = _lacking(ours)
    if not lacking:
        has = f'has option 43 "{_TEXT}"' if ours.boots else "came"
        return Trouble(
            "option 43 not taken",
            f"the bench's DHCP answer {has}, and its bootloader does not take it{beside}",
            hint="see PXE_OPTION43 in the configuration in its EEPROM: it has to be left out, or be that text"
            f"{', and ' + _one_wire(known) if known.others else ''}",
        )
    return Trouble(
        "option 43 missing",
        f"the bench's DHCP answer came without what a Raspberry Pi waits for: {lacking}{beside}",
        hint="see that the node has its `rpi:` section and its own `mac:` in the rig file: dnsmasq.log in the bench's"
        " folder shows what was sent to whom",
    )


def takes_no_offer(known: Known) -> Trouble | None:
    """The wire alone says it: it asks again and again, and takes nothing."""
    heard = known.heard
    if heard is None or known.said.starts or known.past("rom-lease", "board-firmware") or not heard.offered:
        return None
    by_eeprom = ""
    if has_eeprom(known.pi.model):
        by_eeprom = f'. Or PXE_OPTION43 in its EEPROM is not "{_TEXT}"; BOOT_UART=1 there would have it tell'
    return Trouble(
        "takes no offer",
        f"its bootloader asked {heard.asked} times for an address and took none of the bench's answers; its console"
        " says nothing of that",
        hint=f"most often another DHCP server answers first: {_one_wire(known)}{by_eeprom}",
    )


def by_others(known: Known) -> str:
    """That other Raspberry Pis asked, where some did, for the end of a sentence."""
    asked = " and ".join(known.strangers[:_SHOWN])
    return f"; {asked} did, and the rig file does not name that port" if asked else ""


def if_one_is_it(known: Known) -> str:
    """What to do if one of them is this board, for the beginning of a hint."""
    return f"if that is the board, write `mac: {known.strangers[0]}` for this node; else " if known.strangers else ""


def _one_wire(known: Known) -> str:
    """What to do about another server: beside it already, or not yet."""
    return f"{_BESIDE}; or {_OWN_SWITCH}" if known.beside else f"{_OWN_SWITCH}; or, {_PROXY}"


def _named(servers: list[Server]) -> str:
    return " and ".join(f"{server.address} ({server.mac})" for server in servers[:_SHOWN])


def _lacking(server: Server) -> str:
    """What is missing in an answer; "" for nothing, or where its options, or what is in them, were not shown."""
    if server.options and _MENU not in server.options:
        return "it has no option 43"
    return f'its option 43 does not hold "{_TEXT}"' if server.vendor and not server.boots else ""
