"""The EEPROM bootloader of a BCM2711: from its first word to the hand-over, as it is documented. Runs no program.

Its boot modes are `hil.sim.rom.boot_order`'s; how it asks for its address is `hil.sim.rom.lease`; here is what it
fetches before its firmware. It honours no start_file, fixup_file or os_prefix, has no NETCONSOLE, and updates nothing.
"""

from __future__ import annotations

from typing import Final

from hil.sim.rom import boot_order, firmware
from hil.sim.rom.config_txt import read
from hil.sim.rom.dhcp import NoAnswer as NoLease
from hil.sim.rom.dhcp import NotForUs
from hil.sim.rom.eeprom import Eeprom
from hil.sim.rom.faults import Faults
from hil.sim.rom.lease import Network, server_for
from hil.sim.rom.models import MODELS
from hil.sim.rom.port import Unreachable
from hil.sim.rom.report import Report
from hil.sim.rom.seconds import Seconds
from hil.sim.rom.settings import Settings
from hil.sim.rom.shelf import EepromWords, Shelf
from hil.sim.rom.tftp import NoAnswer, Refused
from hil.sim.rom.uart import Uart

# From the log of a CM4 in raspberrypi/cmprovision issue 43: it speaks at 2.12 s, resets its port at 2.53 s, and
# has a link at 5.21 s.
_TO_FIRST_STAGE: Final = 0.07
_TO_BOOTLOADER: Final = 2.30
_TO_MODES: Final = 0.40
_LINK_SECONDS: Final = 2.8
_STAMPS_GO_BACK: Final = 0.25
_RELEASES: Final = {
    "2021": "VERSION:c258ef8f DATE: Jul  6 2021 TIME: 11:44:56",
    "2024": "VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35",
}
_FAILED: Final = "NETBOOT init failed"
_EMMC: Final = Report("emmc", "it started what is in its eMMC or SD card")


class Bootloader:
    """One power-on's.

    Args:
        settings: of the board.
        network: its port.
        uart: what is said goes there.
        seconds: the board's.
        faults: what is wrong with the board now.
    """

    def __init__(self, settings: Settings, network: Network, uart: Uart, seconds: Seconds, faults: Faults) -> None:
        self._settings = settings
        self._eeprom = Eeprom.of(settings.eeprom)
        self._network = network
        self._uart = uart
        self._seconds = seconds
        self._faults = faults

    async def run(self) -> Report:
        """To the hand-over, or to where it stays."""
        if self._faults.active("dead-flash"):
            # bootflow-eeprom.adoc, "First stage bootloader": it waits at its USB port for who writes its EEPROM.
            return Report("halted", "its EEPROM is empty")
        await self._introduce()
        return await boot_order.boot(self._eeprom, self, self._uart, self._seconds)

    async def sd(self) -> Report | None:
        """From the eMMC, which is there in any case (raspberrypi/firmware issue 1886 has the lines of one)."""
        self._uart.line("EMMC")
        for _ in range(4):
            empty = self._settings.emmc == "empty"
            self._uart.line("MBR: 0x00000000,       0 type: 0x00" if empty else "MBR: 0x00002000,  524288 type: 0x0c")
        await self._seconds.spend(0.2)
        if self._settings.emmc == "empty":
            return None
        start = MODELS[self._settings.model].start[0]
        self._uart.line("Trying partition: 0")
        self._uart.line("Read config.txt bytes     2140 hnd 0x102")
        self._uart.line(f"Read {start} bytes  2251392 hnd 0x167f")
        self._start(start)
        return _EMMC

    async def network(self) -> Report | None:
        """From the network: link, address, files."""
        word = "NETWORK" if self._uart.stamped else "NET_BOOT"
        tftp = self._eeprom.tftp_ip or "0.0.0.0"
        self._uart.line("GENET: RESET_PHY")
        self._uart.line(f"{word}: {self._settings.mac} wait for link TFTP: {tftp}")
        if not await self._link():
            self._uart.line(_FAILED)
            return None
        try:
            server = await server_for(self._settings, self._eeprom, self._network, self._uart)
        except (NoLease, NotForUs, Unreachable):
            self._uart.line(_FAILED)
            return None
        prefix = self._eeprom.prefix_of(self._settings.mac, self._settings.serial)
        try:
            return await self._files(Shelf(server, prefix, EepromWords(self._uart), self._uart, self._seconds))
        except NoAnswer:
            self._uart.line("TFTP: timeout")
        except Refused as error:
            self._uart.line(f"TFTP 0: {error}")
        return None

    async def _introduce(self) -> None:
        """Both stages of a new bootloader, or the one of an old one, say who they are."""
        release, serial = self._settings.release, self._settings.serial
        await self._seconds.spend(_TO_FIRST_STAGE)
        if self._uart.stamped:
            self._uart.line(f"RPi: BOOTSYS release {_RELEASES[release]}")
            self._identify(serial)
        await self._seconds.spend(_TO_BOOTLOADER)
        # The stamps of the second stage begin earlier than the first one's end (the same log).
        self._uart.behind = _STAMPS_GO_BACK
        if self._uart.stamped:
            self._uart.line(f"RPi: BOOTLOADER release {_RELEASES[release]}")
            self._identify(serial)
        else:
            self._uart.line(
                f"RPi: BOOTLOADER release {_RELEASES[release]} BOOTMODE: 0x00000006 part: 0 "
                f"BUILD_TIMESTAMP=1625568293 0x{serial} 0x{self._settings.revision:08x} 0x000c5fe0"
            )
        self._uart.line("PM_RSTS: 0x00001000")
        self._uart.line("part 00000000 reset_info 00000000")
        await self._seconds.spend(_TO_MODES)

    def _identify(self, serial: str) -> None:
        stamp = round(self._seconds.now * 1_000_000)
        self._uart.line(
            f"BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1722344555 "
            f"serial {serial} boardrev {self._settings.revision:x} stc {stamp}"
        )

    async def _link(self) -> bool:
        """Wait for a link: for as long as DHCP may take, which is assumed."""
        longest = self._eeprom.dhcp_seconds
        if not await self._faults.ended("no-link", self._seconds.patience(longest)):
            self._seconds.now += longest
            self._uart.line("Stopping network")
            return False
        await self._seconds.spend(_LINK_SECONDS)
        self._uart.line("LINK STATUS: speed: 1000 full duplex")
        self._uart.line("Link ready")
        return True

    async def _files(self, shelf: Shelf) -> Report | None:
        """What is fetched, in the order of raspberrypi/rpi-eeprom issue 74 (and 417, for the update's name).

        The prefix is dropped where neither firmware file is under it (eeprom-bootloader.adoc, TFTP_PREFIX).
        """
        model = MODELS[self._settings.model]
        if shelf.prefix and not await self._first(shelf, model.start):
            shelf.prefix = ""
        config = await shelf.read("config.txt")
        heeded = read(firmware.heeded(config, self._settings.model), self._settings.model, self._settings.serial)
        self._uart.second_stage = heeded.on("uart_2ndstage")
        if self._eeprom.self_update:
            await shelf.has("pieeprom.sig")
        for recovery in ("recover4.elf", "recovery.elf"):
            if await shelf.has(recovery):
                return Report("halted", f"it started {recovery}, which the twin does not run")
        for name in model.start:
            if (start := await shelf.read(name)) is not None:
                break
        else:
            self._uart.line("Firmware not found")
            return None
        if await shelf.read(model.fixup) is None:
            self._uart.line(f"{model.fixup} not found")
        self._start(name)
        if not firmware.can_network(start.data):
            return Report("halted", f"its {name} cannot fetch anything over a network")
        return await firmware.run(shelf, self._settings, self._uart)

    async def _first(self, shelf: Shelf, names: tuple[str, ...]) -> bool:
        for name in names:
            if await shelf.has(name):
                return True
        return False

    def _start(self, name: str) -> None:
        """As in a log of raspberrypi/firmware issue 1420 and its like."""
        self._uart.line("MEM GPU: 76 ARM: 948 TOTAL: 1024")
        self._uart.line(f"Starting {name} @ 0xfec00200 partition 0")
        self._uart.plain("+")
