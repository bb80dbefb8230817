"""What a Raspberry Pi's bootloader of the bench twin has around it, without a network: a server's files by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from support.virtual_time import run_virtually

from hil.sim.rom.bootloader import Bootloader
from hil.sim.rom.dhcp import Lease, NoAnswer, Wish
from hil.sim.rom.dhcp_message import Message
from hil.sim.rom.eeprom import Eeprom, Static
from hil.sim.rom.faults import Faults, with_faults
from hil.sim.rom.pace import Pace
from hil.sim.rom.report import Report
from hil.sim.rom.seconds import Seconds
from hil.sim.rom.settings import Settings
from hil.sim.rom.tftp import Fetched, NotFound
from hil.sim.rom.uart import Uart

MAC, SERIAL, SERVER = "dc:a6:32:01:36:c2", "10c2a4b7", "10.77.0.1"
UEFI = b"arm_64bit=1\nenable_uart=1\narmstub=RPI_EFI.fd\ndtoverlay=disable-bt\n"


def files(config: bytes = UEFI, *, prefix: str = f"{SERIAL}/", without: Sequence[str] = ()) -> dict[str, bytes]:
    """A CM4's, by the names that it asks for."""
    named = {
        "start4.elf": b"hil bench twin stand-in for start4.elf: no firmware\n",
        "fixup4.dat": b"fixup",
        "config.txt": config,
        "bcm2711-rpi-cm4.dtb": b"tree",
        "overlays/disable-bt.dtbo": b"overlay",
        "overlays/miniuart-bt.dtbo": b"overlay",
        "RPI_EFI.fd": b"uefi",
    }
    return {prefix + name: data for name, data in named.items() if name not in without}


@dataclass
class FakeServer:
    """A TFTP server; `asked` is each name that was asked for, `sent` each whole file."""

    files: Mapping[str, bytes]
    negotiates: bool = True
    ip: str = SERVER
    mac: str = "02:00:00:00:00:01"
    asked: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    async def probe(self, file: str) -> int | None:
        self.asked.append(file)
        return len(self.files[file]) if file in self.files else None

    async def get(self, file: str) -> Fetched:
        self.asked.append(file)
        if file not in self.files:
            raise NotFound(f"file /srv/{file} not found")
        self.sent.append(file)
        return Fetched(self.files[file], self.negotiates)


@dataclass
class FakeNetwork:
    """A port whose DHCP server answers, or does not; `wishes` is what was asked, `taken` an own address."""

    server_: FakeServer
    answers: bool = True
    wishes: list[Wish] = field(default_factory=list)
    taken: Static | None = None

    async def ask(self, wish: Wish, heard: Callable[[Message], None]) -> Lease:
        self.wishes.append(wish)
        if not self.answers:
            raise NoAnswer
        options = ((53, b"\2"), (54, b"\x0a\x4d\0\1"), (43, b"\6\1\3\x0a\4\0PXE\x09\x14\0\0\x11Raspberry Pi Boot\xff"))
        answer = Message(self.server_.mac, SERVER, 2, "10.77.0.69", SERVER, options)
        heard(answer)
        return Lease("10.77.0.69", "255.255.255.0", None, SERVER, answer)

    def take(self, static: Static) -> None:
        self.taken = static

    async def server(self, ip: str, within: float) -> FakeServer:
        return self.server_


@dataclass(frozen=True)
class Played:
    """What came of a power-on."""

    report: Report
    uart: bytes
    server: FakeServer
    network: FakeNetwork
    seconds: float


def settings(**more: object) -> Settings:
    """A CM4's, whose bootloader speaks and tries its eMMC, the network, and then stops."""
    plain: dict[str, object] = {"tap": "tap0", "mac": MAC, "model": "cm4", "serial": SERIAL}
    given = {**plain, **more}
    given["eeprom"] = {"BOOT_ORDER": 0xE21, "BOOT_UART": 1, **dict(more.get("eeprom", {}))}  # type: ignore[call-overload]
    return Settings(**given)  # type: ignore[arg-type]


def played(own: Settings, server: FakeServer, *, answers: bool = True) -> Played:
    """A power-on at the documented speed, on a clock of its own."""
    own, said, network = with_faults(own), bytearray(), FakeNetwork(server, answers)

    async def play() -> tuple[Report, float]:
        seconds = Seconds(Pace(1.0))
        speaks = Eeprom.of(own.eeprom).boot_uart
        uart = Uart(said.extend, seconds, own.release, speaks=speaks)
        report = await Bootloader(own, network, uart, seconds, Faults(own.faults)).run()
        return report, seconds.now

    report, passed = run_virtually(play())
    return Played(report, bytes(said), server, network, passed)
