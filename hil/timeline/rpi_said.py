"""What a Raspberry Pi's bootloader has said of its way to its firmware, kept record by record. Reads no line.

Who diagnoses a boot asks it; marks are made in `rpi_marks`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final

from hil.timeline.rpi_uart import (
    Address,
    Answer,
    Asks,
    AwaitsLink,
    Dump,
    GaveUp,
    Has,
    Linked,
    Option,
    Record,
    Refused,
    Started,
    Trying,
)

NETWORK: Final = 2
"""The digit of BOOT_ORDER (raspberrypi/documentation, eeprom-bootloader.adoc)."""
BOOT_TEXT: Final = b"Raspberry Pi Boot"
"""What option 43 has to hold (the same, PXE_OPTION43)."""

_VENDOR: Final = 43
# A board in a loop of restarts asks for the same few files for ever.
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Server:
    """A DHCP server that answered.

    Args:
        mac: its own.
        address: its own.
        options: the numbers of those that it sent.
        vendor: what was shown of option 43.
    """

    mac: str
    address: str
    options: frozenset[int] = frozenset()
    vendor: bytes = b""

    @property
    def boots(self) -> bool:
        """Whether it said the words that a Raspberry Pi waits for."""
        return BOOT_TEXT in self.vendor


@dataclass
class Said:
    """What was said since the bootloader last started.

    Args:
        starts: how often it has started in this boot.
        program: which of its programs began last.
        trying: the device that it has turned to; None before it says one.
        knows_network: whether the network was among the devices that it turns to, or is still to come.
        rounds: how often it has tried the network without success, in all starts.
        over: whether it tries the network no more, or not now. What follows is of its last try.
        awaits_link: whether it waits for a link, and has none.
        linked: whether its port has, or had, a link.
        servers: those that answered, by their addresses.
        address: its own, "" before it has one.
        server: which it fetches from, "" before it has one.
        asked: the files that it asked for over the network.
        refused: the server's words for those that it did not get.
        has: the files that it has from the network.
        elsewhere: the files that it has from another device, and which that is.
    """

    starts: int = 0
    program: str = ""
    trying: Trying | None = None
    knows_network: bool = False
    rounds: int = 0
    over: bool = True
    awaits_link: bool = False
    linked: bool = False
    servers: dict[str, Server] = field(default_factory=dict)
    address: str = ""
    server: str = ""
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    has: list[str] = field(default_factory=list)
    elsewhere: list[tuple[str, str]] = field(default_factory=list)
    _answering: str = ""
    _option: int = 0

    @property
    def by_network(self) -> bool:
        """Whether it tries the network now, or does not say what it tries."""
        return self.trying is None or self.trying.code == NETWORK

    def started(self, record: Started) -> Said:
        """What is known after this start. BOOTSYS hands over to BOOTLOADER in the same words; that is one start."""
        again = not (record.program == "BOOTLOADER" and self.program == "BOOTSYS")
        return Said(starts=self.starts + again, program=record.program, rounds=self.rounds)

    def take(self, record: Record) -> None:
        """Take in one record that is no start."""
        if isinstance(record, Trying):
            self._end()
            self.trying = record
            self.knows_network = self.knows_network or record.code == NETWORK or f"{NETWORK}" in record.order
        elif isinstance(record, AwaitsLink):
            self._end()
            self._begin()
        elif isinstance(record, Linked):
            self.awaits_link, self.linked = False, True
        elif isinstance(record, Address):
            self.address, self.server = record.address, record.server
        elif isinstance(record, GaveUp):
            self._end()
        else:
            self._dhcp(record)
            self._file(record)

    def _begin(self) -> None:
        """It tries the network anew."""
        self.over, self.awaits_link, self.linked, self.servers = False, True, False, {}
        self.address = self.server = self._answering = ""

    def _end(self) -> None:
        """Its try is over, however many words it makes of that."""
        self.rounds += not self.over
        self.over = True

    def _dhcp(self, record: Record) -> None:
        if isinstance(record, Answer):
            self._answering, self._option = record.address, 0
            self.servers.setdefault(record.address, Server(record.mac, record.address))
        elif isinstance(record, Option) and self._answering:
            self._option = record.number
            held = self.servers[self._answering]
            self.servers[self._answering] = replace(held, options=held.options | {record.number})
        elif isinstance(record, Dump) and self._answering and self._option == _VENDOR:
            held = self.servers[self._answering]
            self.servers[self._answering] = replace(held, vendor=(held.vendor + record.data)[:_MOST])

    def _file(self, record: Record) -> None:
        if isinstance(record, Asks) and len(self.asked) < _MOST:
            self.asked.append(record.file)
        elif isinstance(record, Refused) and len(self.refused) < _MOST:
            self.refused.append(record.words)
        elif isinstance(record, Has):
            if self.by_network and len(self.has) < _MOST:
                self.has.append(record.file)
            elif self.trying is not None and len(self.elsewhere) < _MOST:
                self.elsewhere.append((record.file, self.trying.name))


def is_board_firmware(file: str) -> bool:
    """Whether a file is the firmware that the bootloader starts (config_txt/boot.adoc: start_file, start_x, ...)."""
    name = PurePosixPath(file).name
    return name.startswith("start") and name.endswith(".elf")


def is_armstub(file: str) -> bool:
    """Whether a file is what the ARM cores start: pftf's UEFI, or U-Boot."""
    return PurePosixPath(file).name in ("RPI_EFI.fd", "u-boot.bin")
