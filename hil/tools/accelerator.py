"""How a guest's instructions are run here, and on which CPU: KVM where it works, else QEMU's translation."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hil.tools import host
from hil.tools.firmware import release
from hil.tools.programs import Edk2, Qemu

# From this release on EDK2 offers no network boot on a CPU without random numbers, as cortex-a57 is.
_NEEDS_RNG = (2025, 2)


@dataclass(frozen=True, slots=True)
class Accelerator:
    """What QEMU is told.

    Args:
        accel: for `-accel`.
        cpu: for `-cpu`.
        why: the reason, for a person.
    """

    accel: Literal["kvm", "tcg"]
    cpu: str
    why: str


def choose(qemu: Qemu, edk2: Edk2, *, kvm: Path = Path("/dev/kvm")) -> Accelerator:
    """The accelerator and the CPU for an arm64 guest on this host.

    Args:
        qemu: the QEMU that will run it.
        edk2: the firmware that it will start.
        kvm: the device that must open for KVM.
    """
    if host.machine() == "aarch64":
        refusal = _refusal(kvm)
        if not refusal:
            return Accelerator("kvm", "host", f"this is an arm64 host and {kvm} opens")
    else:
        refusal = f"this host is {host.machine()}, and KVM runs only a host's own instructions"
    known = release(edk2.version)
    if known is not None and known >= _NEEDS_RNG:
        # pauth-impdef: emulating the architected pointer authentication is slow (QEMU manual, Arm CPU
        # features).
        cpu = "max,pauth-impdef=on"
        return Accelerator("tcg", cpu, f"{refusal}; EDK2 {edk2.version} needs a CPU with random numbers")
    return Accelerator("tcg", "cortex-a57", refusal)


def _refusal(kvm: Path) -> str:
    try:
        os.close(os.open(kvm, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{kvm} does not open: {error.strerror}"
    return ""
