"""What a bench's dnsmasq heard of one Raspberry Pi, and sent to it: marks of a boot, and facts for a diagnosis.

It is told records of dnsmasq's log; it reads none, and follows no stream (`follow`). What a size probe of the
bootloader looks like there, and why it is no failure, stands in `hil.timeline.dnsmasq_log`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from hil.config.rpi import BoardModel
from hil.netboot.rpi.models import MODELS
from hil.timeline.console_marks import STAMP_ERROR_NS
from hil.timeline.dnsmasq_log import (
    Answered,
    Asked,
    Failed,
    Ignored,
    NotFound,
    Record,
    Sent,
    UserClass,
    VendorClass,
)
from hil.timeline.rpi_said import is_armstub, is_board_firmware
from hil.timeline.stages import ARMSTUB, BOARD_FIRMWARE, NBP, PXE, ROM_LEASE, Stage
from hil.timeline.timeline import DNSMASQ, Mark

# RFC 4578, 2.1: architecture 0 is an x86 PC's BIOS, which a Raspberry Pi's bootloader says of itself too
# (raspberrypi/documentation, boot-net.adoc).
_ROM: Final = "PXEClient:Arch:00000"
_FIRMWARE: Final = ("PXEClient", "HTTPClient")
_IPXE: Final = "iPXE"
# How dnsmasq names what it sends beside another server's offer (dnsmasq, src/rfc2131.c).
_BESIDE: Final = "PXE"
# A size probe's end (raspberrypi/rpi-eeprom, issue 74).
_PROBED: Final = "Early terminate"
_MOST: Final = 200
_EXCHANGES: Final = 64


@dataclass(frozen=True, slots=True)
class Pi:
    """How one board is told from others.

    Args:
        model: of it.
        mac: of its port, as "dc:a6:32:01:36:c2".
        serial: as the rig says it; the folder that it is served.
    """

    model: BoardModel
    mac: str
    serial: str


class Heard:
    """One board, as dnsmasq saw it in one boot.

    Args:
        pi: which board.

    Attributes:
        asked: how often its bootloader asked for an address, heeded or not.
        beside: whether dnsmasq answers beside another server, and gives no address.
        offered: whether dnsmasq offered it one, or boot data beside another server's offer.
        systems: how often something else asked from its port that is no firmware: a system that runs on it.
        strangers: ports of other Raspberry Pis whose bootloaders dnsmasq does not answer, because no rig names them.
        address: what it was given last; "" before.
        refused: dnsmasq's words for why it answered nothing; "" where it did.
        sent: files that it has, by their paths below the TFTP root.
        broken: files of which it has a part or nothing, though it wanted them, and why, "" where it fell silent.
        missing: files that were asked for and are not there, and the address that asked, where that is known.
        last_ns: when it was last heard, ns of the one clock; 0 for never.
    """

    def __init__(self, pi: Pi) -> None:
        self._pi = pi
        self.asked = 0
        self.beside = False
        self.offered = False
        self.systems = 0
        self.strangers: list[str] = []
        self.address = ""
        self.refused = ""
        self.sent: list[str] = []
        self.broken: dict[str, str] = {}
        self.missing: list[tuple[str, str | None]] = []
        self.last_ns = 0
        self._classes: OrderedDict[int, str] = OrderedDict()
        self._reached: set[Stage] = set()

    def take(self, record: Record, at_ns: int) -> Mark | None:
        """Take in one record.

        Args:
            record: of dnsmasq's log.
            at_ns: when its line came, ns of the one clock.
        """
        if isinstance(record, VendorClass | UserClass):
            self._class(record)
            return None
        found = self._dhcp(record) if isinstance(record, Asked | Answered | Ignored) else self._tftp(record)
        if found is None:
            return None
        self.last_ns = at_ns
        stage, evidence = found
        if stage is None or stage in self._reached:
            return None
        self._reached.add(stage)
        return Mark(stage.name, at_ns, STAMP_ERROR_NS, DNSMASQ, evidence)

    def lacks(self, address: str) -> list[str]:
        """The files that the board asked for and that are not there.

        Args:
            address: the board's, where something else than dnsmasq knows it; "" otherwise.
        """
        own = {self.address, address} - {""}
        return [file for file, asker in self.missing if asker in own or self._in_tree(file)]

    def _class(self, record: VendorClass | UserClass) -> None:
        """iPXE says what the firmware said before it, and its own class of user besides, in whichever order."""
        if self._classes.get(record.xid) != _IPXE and (isinstance(record, VendorClass) or record.text == _IPXE):
            self._classes[record.xid] = record.text
            while len(self._classes) > _EXCHANGES:
                self._classes.popitem(last=False)

    def _dhcp(self, record: Asked | Answered | Ignored) -> tuple[Stage | None, str] | None:
        """What a message of DHCP means, where it is of this board's bootloader or firmware."""
        said = "" if record.xid is None else self._classes.get(record.xid, "")
        if record.mac != self._pi.mac:
            self._stranger(record, said)
            return None
        if isinstance(record, Answered) and record.kind != "NAK":
            self.address = record.address or self.address
        if said.startswith(_ROM):
            return self._rom(record)
        if isinstance(record, Asked) and record.kind == "DISCOVER" and said.startswith(_FIRMWARE):
            return PXE, f"DHCPDISCOVER of {record.mac}, {said}"
        self.systems += (
            isinstance(record, Asked) and record.xid is not None and not said.startswith((*_FIRMWARE, _IPXE))
        )
        return None, ""

    def _stranger(self, record: Asked | Answered | Ignored, said: str) -> None:
        unheeded = isinstance(record, Ignored) and said.startswith(_ROM)
        if unheeded and record.mac not in self.strangers and len(self.strangers) < _EXCHANGES:
            self.strangers.append(record.mac)

    def _rom(self, record: Asked | Answered | Ignored) -> tuple[Stage | None, str]:
        """A DISCOVER has a line of its own only where dnsmasq gives addresses, and heeds it; else one with the answer,
        or with why there is none."""
        if isinstance(record, Ignored):
            self.refused = record.why
        beside = isinstance(record, Answered) and record.kind == _BESIDE
        if beside or isinstance(record, Ignored) or (isinstance(record, Asked) and record.kind == "DISCOVER"):
            self.asked += 1
            self._again()
        if not isinstance(record, Answered):
            return None, ""
        self.beside = self.beside or beside
        self.offered = self.offered or record.kind != "NAK"
        return (ROM_LEASE, f"{record.address} for {record.mac} (DHCPACK)") if record.kind == "ACK" else (None, "")

    def _again(self) -> None:
        """A bootloader that asks anew after its firmware was there has started again."""
        if BOARD_FIRMWARE in self._reached:
            self._reached.clear()

    def _tftp(self, record: Record) -> tuple[Stage | None, str] | None:
        if isinstance(record, NotFound):
            if len(self.missing) < _MOST:
                self.missing.append((record.file, record.address))
            return self._first(record.file) if self._ours(record.file, record.address) else None
        if not isinstance(record, Sent | Failed) or not self._ours(record.file, record.address):
            return None
        if isinstance(record, Failed):
            if record.why != _PROBED and len(self.broken) < _MOST:
                self.broken[record.file] = record.why
            return self._first(record.file)
        self.broken.pop(record.file, None)
        if len(self.sent) < _MOST:
            self.sent.append(record.file)
        stage = self._stage(record.file)
        return self._first(record.file) if stage is None else (stage, f"{record.file} by TFTP to {record.address}")

    def _first(self, file: str) -> tuple[Stage | None, str]:
        """Who asks for a file of its own has an address and a server, though nobody acknowledged it here: a BCM2837
        sends no DHCPREQUEST (boot-net.adoc, "Known problems"), and a lease may be another server's (PXE 2.1, 2.2.3).
        """
        own = self._in_tree(file) or file == MODELS[self._pi.model].bootcode
        return (ROM_LEASE if own else None), f"{file} was asked for"

    def _stage(self, file: str) -> Stage | None:
        if is_board_firmware(file):
            return BOARD_FIRMWARE
        if is_armstub(file):
            return ARMSTUB
        return NBP if PurePosixPath(file).suffix == ".efi" else None

    def _ours(self, file: str, address: str | None) -> bool:
        return (address is not None and address == self.address) or self._in_tree(file)

    def _in_tree(self, file: str) -> bool:
        return self._pi.serial in PurePosixPath(file).parts[:-1]
