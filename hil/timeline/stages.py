"""The stages of a network boot, in order, as data: what a mark of each one means. Recognises nothing itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a boot.

    Args:
        name: as it stands in records and tables.
        doc: what has happened when this stage has a mark.
    """

    name: str
    doc: str


POWER = Stage("power", "the machine was switched on")
FIRMWARE = Stage("firmware", "the firmware's first words on the console")
PXE = Stage("pxe", "the firmware asks for an address and a boot file")
NBP = Stage("nbp", "the firmware has the network boot program")
IPXE = Stage("ipxe", "iPXE runs")
PROFILE = Stage("profile", "Matchbox chose a profile for this machine")
KERNEL_FETCHED = Stage("kernel-fetched", "iPXE has the whole kernel")
INITRD_FETCHED = Stage("initrd-fetched", "iPXE has the last initial RAM disk")
KERNEL = Stage("kernel", "the kernel runs")
USERSPACE = Stage("userspace", "the first process of the image runs")
READY = Stage("ready", "the image does what its owner calls ready")

STAGES = (POWER, FIRMWARE, PXE, NBP, IPXE, PROFILE, KERNEL_FETCHED, INITRD_FETCHED, KERNEL, USERSPACE, READY)

ATTACHED = Stage("attached", "the bench began to watch a machine that ran already")
CONFIG = Stage("config", "Matchbox gave a machine configuration to this machine")
DHCP_OFFER = Stage("dhcp-offer", "a DHCP server made an offer")
LEASE = Stage("lease", "a DHCP server gave an address")
RESET = Stage("reset", "the machine started again by itself or was reset")
SHUTDOWN = Stage("shutdown", "the machine switched itself off or was stopped")
LINK_DOWN = Stage("link-down", "its network cable was pulled")
LINK_UP = Stage("link-up", "its network cable was plugged in")
CONSOLE_LOST = Stage("console-lost", "the line to its console went away; what it says until it is back is not heard")
CONSOLE_BACK = Stage("console-back", "the line to its console is back")
PAUSE = Stage("pause", "the machine stands still")
RESUME = Stage("resume", "the machine goes on")

ORDER: dict[str, int] = {stage.name: number for number, stage in enumerate(STAGES)}


def awaited_after(names: set[str]) -> Stage | None:
    """The stage that comes next, given the names of those that have a mark; None after the last."""
    reached = max((ORDER[name] for name in names if name in ORDER), default=-1)
    return STAGES[reached + 1] if reached + 1 < len(STAGES) else None
