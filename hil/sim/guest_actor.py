"""The board of the twin that really boots: a QEMU `virt` guest on the bench's segment. Writes its command alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hil.machine import Identity
from hil.machines.place import Cable
from hil.machines.qemu.command import command
from hil.machines.qemu.finding import find_hardware
from hil.machines.qemu.variables import copy_variables
from hil.sim.plan import Qemu
from hil.tools.cache import Cache

if TYPE_CHECKING:
    from hil.config.twin import TwinConfig


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
