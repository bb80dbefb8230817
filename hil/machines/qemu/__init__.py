"""A machine that is a QEMU `virt` guest: its rig keys, and what makes it. See `command`, `guest` and `qmp`."""

from __future__ import annotations

from hil.machines.qemu.config import Config
from hil.machines.qemu.guest import create

__all__ = ["Config", "create"]
