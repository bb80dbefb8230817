"""What is known of a Raspberry Pi that does not get on: by its UART, by the wire, by its boot. Judges nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from hil.netboot.rpi.heard import Heard, Pi
from hil.netboot.rpi.models import MODELS
from hil.timeline.rpi_said import Said, Server, is_board_firmware


@dataclass(frozen=True, slots=True)
class Known:
    """All of it, at one moment.

    Args:
        pi: which board.
        bench: the address of the bench's DHCP and TFTP server.
        said: what its bootloader said since it last started.
        heard: what dnsmasq heard of it; None where dnsmasq's log is not ours.
        reached: the stages of its boot that have a mark.
        shown: those of them that its console showed.
        silent: whether its console has said no words at all.
        meter: what its meter has read, in words, when it is asked; "" where it has none.
        port: the MAC address that its bootloader says its port has, when it is asked; "" where it has not said it.
    """

    pi: Pi
    bench: str
    said: Said
    heard: Heard | None
    reached: frozenset[str]
    shown: frozenset[str]
    silent: bool
    meter: Callable[[], str]
    port: Callable[[], str]

    @property
    def lacks(self) -> list[str]:
        """The files that it asked for and that are not there."""
        return [] if self.heard is None else self.heard.lacks(self.said.address)

    @property
    def lacks_of_tree(self) -> set[str]:
        """Those of them that it asked for in its own folder, by their names there."""
        found = (PurePosixPath(file) for file in self.lacks)
        return {file.name for file in found if file.parts[:1] == (self.pi.serial,)}

    @property
    def folders(self) -> list[str]:
        """Other folders than its own in which it asked for its firmware, in the order in which it did; "" is none."""
        asked = [file for file in (*self.lacks, *self.said.asked) if is_board_firmware(file)]
        folders = dict.fromkeys("/".join(PurePosixPath(file).parts[:-1]) for file in asked)
        return [folder for folder in folders if folder != self.pi.serial]

    @property
    def firmware_missing(self) -> bool:
        """Whether its firmware is not in its own folder, by either name that it knows (eeprom-bootloader.adoc)."""
        start = MODELS[self.pi.model].start
        return {start, "start.elf"} <= self.lacks_of_tree

    @property
    def broken(self) -> tuple[str, str]:
        """The last file of its own folder that it wanted and has not the whole of, and why; "" twice for none."""
        found = {} if self.heard is None else self.heard.broken
        own = [(file, why) for file, why in found.items() if PurePosixPath(file).parts[:1] == (self.pi.serial,)]
        return own[-1] if own else ("", "")

    @property
    def got(self) -> list[str]:
        """The files that it has from the network, in order."""
        return [*(() if self.heard is None else self.heard.sent), *self.said.has]

    @property
    def others(self) -> list[Server]:
        """The DHCP servers that answered it and are not the bench's."""
        return [server for address, server in self.said.servers.items() if address != self.bench]

    @property
    def asked_for_address(self) -> int:
        """How often its bootloader's question for an address came to dnsmasq."""
        return 0 if self.heard is None else self.heard.asked

    @property
    def strangers(self) -> list[str]:
        """Ports of Raspberry Pis that asked in vain; one may be this one's, where the rig has another MAC address."""
        return [] if self.heard is None or self.port() == self.pi.mac else self.heard.strangers

    @property
    def beside(self) -> bool:
        """Whether the bench answers beside the wire's own DHCP server."""
        return self.heard is not None and self.heard.beside

    def past(self, *stages: str) -> bool:
        """Whether any of these stages has a mark."""
        return not self.reached.isdisjoint(stages)
