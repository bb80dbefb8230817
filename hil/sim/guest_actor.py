"""The boards of the twin that really boot: a QEMU `virt` guest on the bench's segment, alone or after a bootloader.

Writes their commands alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.machine import Identity
from hil.machines.place import Cable
from hil.machines.qemu.command import command
from hil.machines.qemu.finding import find_hardware
from hil.machines.qemu.variables import copy_variables
from hil.sim.plan import Qemu, Rom
from hil.sim.rom.settings import Settings
from hil.tools.cache import Cache

if TYPE_CHECKING:
    from hil.config.rpi import RpiConfig
    from hil.config.twin import TwinConfig

_BOOTLOADER: Final = Path(__file__).with_name("rom") / "__main__.py"


def guest_actor(node: str, directory: Path, identity: Identity, cable: Cable, twin: TwinConfig) -> Qemu:
    """A board that is a guest with this identity, on this end of the segment.

    Args:
        node: the rig's name of it.
        directory: the bench's private folder, where its firmware's variables are.
        identity: its selectors.
        cable: its end of the segment.
        twin: how much of the host it gets.

    Raises:
        InfrastructureError: QEMU or its firmware is missing, or the disk is full.
    """
    found = find_hardware(node, directory, cpus=twin.cpus, memory=twin.memory)
    copy_variables(found.fresh_variables, found.hardware.variables, Cache())
    argv = command(f"hil-{node}", found.hardware, identity, cable.netdev("net0", ()), serial="serial", qmp="qmp")
    return Qemu(tuple(cable.run(argv)))


def rom_actor(node: str, guest: Qemu, mac: str, board: RpiConfig, cable: Cable, twin: TwinConfig) -> Rom:
    """A board that is a Raspberry Pi: its bootloader first, on the same end of the segment.

    Args:
        node: the rig's name of it.
        guest: what its firmware is.
        mac: of its port.
        board: the rig's section.
        cable: its end of the segment.
        twin: how it is set.
    """
    own = twin.board(node)
    settings = Settings(
        tap=cable.tap,
        mac=mac,
        model=board.model,
        serial=own.serial or board.serial,
        eeprom=own.eeprom.written(),
        emmc=own.emmc,
        release=own.release,
        speed=twin.speed,
        seed=twin.seed,
    )
    argv = [sys.executable, "-I", "-S", "-E", str(_BOOTLOADER), "{settings}"]
    return Rom(tuple(cable.run(argv)), settings.to_json(), guest)
