"""Reads the log of dnsmasq 2.85 and later with `log-dhcp`: who asked, what was answered, which file went where.

Makes no marks of it, and knows no board. dnsmasq's stamps are whole seconds where it writes any, so the moment of a
line is when it arrived, which its reader knows. Sources: dnsmasq, src/rfc2131.c (log_packet and what is around it),
src/tftp.c (check_tftp_listeners, handle_tftp, tftp_err), src/dnsmasq.c; every form but "timeout sending" was seen
from 2.90.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

_LINE: Final = re.compile(r"(?:.{0,64}? )?dnsmasq-(dhcp|tftp)(?:\[\d+\])?: (.*)")
_MAC: Final = r"(?P<mac>(?:[0-9a-f]{2}:){5}[0-9a-f]{2})"
_IPV4: Final = r"(?P<address>\d{1,3}(?:\.\d{1,3}){3})"
# An interface may have any name without a space (linux, net/core/dev.c, dev_valid_name).
_PACKET: Final = re.compile(
    rf"(?:(?P<xid>\d{{1,10}}) )?(?:DHCP)?(?P<kind>[A-Z]+)\(\S+?\) (?:{_IPV4} )?{_MAC} *(?P<note>.*?) *"
)
_CLASS: Final = re.compile(r"(?P<xid>\d{1,10}) (?P<which>vendor|user) class: (?P<text>.*)")
_ASKS: Final = frozenset(("DISCOVER", "REQUEST", "DECLINE", "RELEASE", "INFORM"))
_ANSWERS: Final = frozenset(("OFFER", "ACK", "NAK"))

_ROOT: Final = re.compile(r"TFTP root is (?P<root>/.*?)/? *(?:secure mode)? *(?:single port mode)? *")
_ENDED: Final = re.compile(r"(?P<how>sent|failed sending|timeout sending) (?P<file>.+) to (?P<address>\S+)")
_NOT_FOUND: Final = re.compile(r"file (?P<file>.+?) not found(?: for (?P<address>\S+))?")
_ERROR: Final = re.compile(r"error (?P<code>\d+) (?P<why>.*) received from (?P<address>\S+)")
_UNREADABLE: Final = re.compile(r"cannot (?:access|read) (?P<file>.+): (?P<why>.+)")


@dataclass(frozen=True, slots=True)
class VendorClass:
    """What the asker of the exchange says it is (option 60); comes before its `Asked`.

    Args:
        xid: of the exchange.
        text: as "PXEClient:Arch:00000:UNDI:002001", without what cannot be printed.
    """

    xid: int
    text: str


@dataclass(frozen=True, slots=True)
class UserClass:
    """Which class of user the asker of the exchange says it is (option 77); comes before its `Asked`.

    Args:
        xid: of the exchange.
        text: as "iPXE".
    """

    xid: int
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's message, which dnsmasq heeds.

    Args:
        kind: "DISCOVER", "REQUEST", "DECLINE", "RELEASE" or "INFORM".
        mac: of the client, as "dc:a6:32:01:36:c2".
        xid: of the exchange; None without `log-dhcp`.
    """

    kind: str
    mac: str
    xid: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of dnsmasq.

    Args:
        kind: "OFFER", "ACK", "NAK", or "PXE" for boot data beside another server's lease.
        mac: of the client.
        address: that it is given or denied; None for "PXE" to one that has none yet.
        xid: of the exchange; None without `log-dhcp`.
    """

    kind: str
    mac: str
    address: str | None
    xid: int | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A client's message that dnsmasq does not answer.

    Args:
        mac: of the client.
        why: dnsmasq's own words, as "no address available" or "proxy-ignored".
        xid: of the exchange; None without `log-dhcp`.
    """

    mac: str
    why: str
    xid: int | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A client has the whole of a file by TFTP.

    Args:
        file: its whole path; of a `Reader`, what is after the TFTP root.
        address: of the client.
    """

    file: str
    address: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """A client asked by TFTP for a file that is not there.

    Args:
        file: as in `Sent`.
        address: of the client; None from dnsmasq before 2.87, which does not say it.
    """

    file: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """A client has a file by TFTP in part, or nothing of it.

    Args:
        file: as in `Sent`.
        address: of the client; None where dnsmasq could not read the file, and does not say for whom.
        why: the client's own words, as "Early terminate" where it only wanted to know the size (rpi-eeprom, issue
            74); "" where it fell silent; else why the file could not be read.
    """

    file: str
    address: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Aborted:
    """A client broke a transfer off. Of which file, the next line says, with words that mislead: see `Reader`.

    Args:
        address: of the client.
        code: RFC 1350's error code; 0 where the words say all.
        why: the client's words.
    """

    address: str
    code: int
    why: str


@dataclass(frozen=True, slots=True)
class Root:
    """dnsmasq's first word of TFTP: which folder it serves.

    Args:
        path: without a slash at its end.
    """

    path: str


Record = VendorClass | UserClass | Asked | Answered | Ignored | Sent | NotFound | Failed | Aborted | Root


def parse_line(line: bytes) -> Record | None:
    """What a line says by itself; None for a line that says nothing of the above. For a whole log take a `Reader`.

    Args:
        line: one line, with or without its end, with or without syslog's stamp before it.
    """
    parts = _LINE.fullmatch(line.decode("utf-8", "replace").rstrip("\r\n"))
    if parts is None:
        return None
    return _dhcp(parts[2]) if parts[1] == "dhcp" else _tftp(parts[2])


class Reader:
    """Reads a log from its start, line by line.

    Up to 2.90 dnsmasq says of a transfer that was broken off before the first data, or on the last, that the file was
    sent. That is what a size probe of a Raspberry Pi's bootloader looks like, so each end of a transfer is read with
    the client's error before it. Seen from 2.90: "error 0 Early terminate received from 10.0.2.11", then "sent
    .../start4.elf to 10.0.2.11", with nothing sent but the size.
    """

    def __init__(self) -> None:
        self._root = ""
        self._broken_off: dict[str, str] = {}

    def read(self, line: bytes) -> Record | None:
        """As `parse_line`, but what was broken off is `Failed`, files are named below the root, and neither `Aborted`
        nor `Root` comes out.

        Args:
            line: the next line.
        """
        match record := parse_line(line):
            case Root(path):
                self._root = path + "/"
                return None
            case Aborted(address, _, why):
                self._broken_off[address] = why
                return None
            case Sent(file, address) | Failed(file, str(address)) if address in self._broken_off:
                return Failed(file.removeprefix(self._root), address, self._broken_off.pop(address))
            case Sent(file) | NotFound(file) | Failed(file):
                return replace(record, file=file.removeprefix(self._root))
            case _:
                return record


def _dhcp(text: str) -> Record | None:
    if (said := _CLASS.fullmatch(text)) is not None:
        return (VendorClass if said["which"] == "vendor" else UserClass)(int(said["xid"]), said["text"])
    if (said := _PACKET.fullmatch(text)) is None:
        return None
    kind, mac, note = said["kind"], said["mac"], said["note"]
    xid = None if said["xid"] is None else int(said["xid"])
    if kind in _ANSWERS or (kind == "PXE" and note != "proxy-ignored"):
        return Answered(kind, mac, said["address"], xid)
    if kind in _ASKS or kind == "PXE":
        return Ignored(mac, note, xid) if note else Asked(kind, mac, xid)
    return None


def _tftp(text: str) -> Record | None:
    if (said := _ENDED.fullmatch(text)) is not None:
        file, address = said["file"], said["address"]
        return Sent(file, address) if said["how"] == "sent" else Failed(file, address, "")
    if (said := _NOT_FOUND.fullmatch(text)) is not None:
        return NotFound(said["file"], said["address"])
    if (said := _ERROR.fullmatch(text)) is not None:
        return Aborted(said["address"], int(said["code"]), said["why"])
    if (said := _UNREADABLE.fullmatch(text)) is not None:
        return Failed(said["file"], None, said["why"])
    if (said := _ROOT.fullmatch(text)) is not None:
        return Root(said["root"])
    return None
