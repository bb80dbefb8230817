"""One power-on of a Raspberry Pi's bootloader, as a process: run by path, without site, with its settings as JSON.

Its UART is standard output. On standard input come faults, a line each: "no-link on", "no-link off". When it is done
it writes its report (`hil.sim.rom.report`) as the last line of standard error, and ends with that report's status.
"""

from __future__ import annotations

import asyncio
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hil.sim.rom.faults import Faults
    from hil.sim.rom.report import Report
    from hil.sim.rom.settings import Settings

_ROOT = 4
"""How many folders above this file the package is."""
_PIECE = 1 << 12


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _heed(faults: Faults) -> None:
    """Change faults as standard input says, from now on."""
    loop, pending = asyncio.get_running_loop(), bytearray()

    def read() -> None:
        data = os.read(0, _PIECE)
        if not data:
            loop.remove_reader(0)
        pending.extend(data)
        while b"\n" in pending:
            line, _, rest = bytes(pending).partition(b"\n")
            pending[:] = rest
            name, _, state = line.decode("ascii", "replace").partition(" ")
            faults.change(name, on=state == "on")

    loop.add_reader(0, read)


async def boot(settings: Settings) -> Report:
    """The power-on, on the tap that the settings name.

    Raises:
        OSError: there is no such tap.
        UsageError: the settings have an EEPROM that no bootloader knows.
    """
    from hil.sim.rom.bootloader import Bootloader
    from hil.sim.rom.cm3 import BootRom
    from hil.sim.rom.eeprom import Eeprom
    from hil.sim.rom.faults import Faults, with_faults
    from hil.sim.rom.faulty_wire import FaultyWire, late_seconds
    from hil.sim.rom.network import PortNetwork, block_size
    from hil.sim.rom.pace import Pace
    from hil.sim.rom.port import BCM2711, BCM2837, BCM2837B0, Port
    from hil.sim.rom.seconds import Seconds
    from hil.sim.rom.tap import Tap
    from hil.sim.rom.uart import Uart

    settings = with_faults(settings)
    faults, pace = Faults(settings.faults), Pace(settings.speed)
    _heed(faults)
    seconds, older = Seconds(pace), settings.model.startswith("cm3")
    speaks = Eeprom.of(settings.eeprom).boot_uart
    uart = Uart(_write, seconds, "2021" if older else settings.release, speaks=speaks)
    habits = {"cm3": BCM2837, "cm3+": BCM2837B0}.get(settings.model, BCM2711)
    late = late_seconds(settings, pace)
    with Tap(settings.tap) as tap:
        async with FaultyWire(tap, faults, late) as wire, Port(wire, settings.mac, pace, habits) as port:
            network = PortNetwork(port, block_size(settings))
            rom = (BootRom if older else Bootloader)(settings, network, uart, seconds, faults)
            return await rom.run()


def main(text: str) -> int:
    """Boot, and say how that ended; the status."""
    from hil.sim.rom.report import STATUS
    from hil.sim.rom.settings import Settings

    report = asyncio.run(boot(Settings.from_json(text)))
    sys.stderr.write(f"{report.to_json()}\n")
    return STATUS[report.outcome]


if __name__ == "__main__":
    sys.path.insert(0, __file__.rsplit("/", _ROOT)[0])
    sys.exit(main(sys.argv[1]))
