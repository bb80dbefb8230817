"""The boot ROM of a BCM2837 (CM3, CM3+) and its bootcode.bin, as far as they are documented. Runs no program.

Raspberry Pi documentation, boot-net.adoc (what it sends, five tries, a low-power state after them) and
bootflow-legacy.adoc (its eMMC comes first; two seconds for USB). The ROM says nothing on the UART; bootcode.bin does
where it was told to (raspberrypi/firmware issues 1041 and 1292 have its lines). A module has no network port of its
own: a carrier with a LAN9514 is assumed, and the OTP bit that lets it boot over USB.
"""

from __future__ import annotations

from typing import Final

from hil.sim.rom import firmware
from hil.sim.rom.dhcp import NoAnswer as NoLease
from hil.sim.rom.dhcp import NotForUs, Wish, bcm2837, guid
from hil.sim.rom.faults import Faults
from hil.sim.rom.models import MODELS
from hil.sim.rom.network import PortNetwork, TftpServer
from hil.sim.rom.port import Unreachable
from hil.sim.rom.report import Report
from hil.sim.rom.seconds import Seconds
from hil.sim.rom.settings import Settings
from hil.sim.rom.shelf import Server, Shelf
from hil.sim.rom.tftp import FILE_SECONDS, NoAnswer, NotFound, Refused
from hil.sim.rom.uart import Uart

# boot-net.adoc: the lights of the port go on about five seconds after the power did.
_TO_NETWORK: Final = 5.0
_MENU: Final = b"Raspberry Pi Boot"


class BootcodeWords:
    """What bootcode.bin says of files, by their names without a prefix once it has them.

    Args:
        uart: where they go.
    """

    def __init__(self, uart: Uart) -> None:
        self._uart = uart

    def asks(self, server: Server, name: str) -> None:
        """Nothing: it speaks when it has a file, or has none."""

    def misses(self, name: str, told: str) -> None:
        """As `hil.sim.rom.shelf.Words.misses`."""
        self._uart.plain(f"eth_open {name}:")
        self._uart.plain("  file not found")

    def has(self, name: str, size: int) -> None:
        """As `hil.sim.rom.shelf.Words.has`."""
        self._uart.plain(f"Read File: {name.rpartition('/')[2]}, {size} (bytes)")


class BootRom:
    """One power-on's.

    Args:
        settings: of the board; of its EEPROM, which it has none of, BOOT_UART says whether its bootcode.bin speaks.
        network: its port.
        uart: what is said goes there; made for lines without stamps.
        seconds: the board's.
        faults: what is wrong with the board now; "dead-flash" is here an OTP bit that was never set.
    """

    def __init__(self, settings: Settings, network: PortNetwork, uart: Uart, seconds: Seconds, faults: Faults) -> None:
        self._settings = settings
        self._network = network
        self._uart = uart
        self._seconds = seconds
        self._faults = faults

    async def run(self) -> Report:
        """To the hand-over, or to where it stays."""
        if self._settings.emmc == "bootable":
            return Report("emmc", "it started what is in its eMMC")
        if self._faults.active("dead-flash"):
            return Report("halted", "its OTP does not let it boot over the network")
        await self._seconds.spend(_TO_NETWORK)
        await self._faults.ended("no-link", self._seconds.patience(_TO_NETWORK))
        try:
            await self._bootcode(await self._server())
            return await self._files(await self._second_server())
        except (NoLease, NotForUs) as error:
            return Report("halted", f"it has given up after five DHCP requests: {error}")
        except Unreachable as error:
            return Report("halted", str(error))
        except NotFound:
            return Report("halted", "the server has no bootcode.bin")
        except (NoAnswer, Refused) as error:
            return Report("halted", f"a file did not come: {error}")

    async def _server(self) -> TftpServer:
        lease = await self._network.ask(self._wish(), lambda _: None)
        return await self._network.server(lease.tftp, FILE_SECONDS)

    def _wish(self) -> Wish:
        """That of a CM3+ has two faults less (boot-net.adoc, "Known problems")."""
        if self._settings.model == "cm3":
            return bcm2837()
        own = guid(self._settings.mac, self._settings.serial, self._settings.revision, 0)
        return bcm2837(own, _MENU)

    async def _bootcode(self, server: TftpServer) -> None:
        """What the ROM fetches, of which the second is never there."""
        await server.get_plainly("bootcode.bin")
        try:
            await server.get_plainly("bootsig.bin")
        except NotFound:
            return

    async def _second_server(self) -> TftpServer:
        """bootcode.bin asks DHCP anew (the dnsmasq log of raspberrypi/firmware issue 1605)."""
        self._uart.plain("Raspberry Pi Bootcode")
        self._uart.plain(f"Initialise ethernet with MAC {self._settings.mac}")
        self._uart.plain("Wait for Link up")
        self._uart.plain("Link up")
        self._uart.plain("Sending DHCP request")
        self._uart.plain("Waiting for dhcp_reply")
        server = await self._server()
        self._uart.plain(f"Done ARP for {server.ip} got {server.mac}")
        return server

    async def _files(self, server: TftpServer) -> Report:
        """What bootcode.bin fetches, in the order of raspberrypi/firmware issues 754 and 935."""
        model = MODELS[self._settings.model]
        start = model.start[0]
        shelf = Shelf(server, f"{self._settings.serial}/", BootcodeWords(self._uart), self._uart, self._seconds)
        if not await shelf.has(start):
            shelf.prefix = ""
        for name in ("autoboot.txt", "config.txt", "recovery.elf"):
            await shelf.read(name)
        found = await shelf.read(start)
        if found is None:
            return Report("halted", f"the server has no {start}")
        await shelf.read(model.fixup)
        if not firmware.can_network(found.data):
            return Report("halted", f"its {start} cannot fetch anything over a network")
        return await firmware.run(shelf, self._settings, self._uart)
