"""A machine that is a QEMU `virt` guest: its rig keys, and what makes it. See `command`, `guest` and `qmp`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.machines.qemu.config import Config

if TYPE_CHECKING:
    from hil.machine import Machine
    from hil.machines.place import Place

__all__ = ["Config", "create"]


def create(config: Config, place: Place) -> Machine:
    """A machine that is off; see `hil.machines.qemu.guest.create`, which the check of a rig never needs."""
    from hil.machines.qemu import guest

    return guest.create(config, place)
