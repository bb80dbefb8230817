"""Which accelerator and CPU a guest gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.tools import host
from hil.tools.accelerator import choose
from hil.tools.programs import Edk2, Qemu

QEMU = Qemu(Path("/usr/bin/qemu-system-aarch64"), (7, 2, 22))


def edk2(version: str) -> Edk2:
    return Edk2(Path("/code"), Path("/vars"), version)


@pytest.mark.parametrize(
    ("machine", "device", "version", "accel", "cpu", "why"),
    [
        ("x86_64", True, "2022.11-6", "tcg", "cortex-a57", "this host is x86_64"),
        ("x86_64", True, "2025.02-8", "tcg", "max,pauth-impdef=on", "EDK2 2025.02-8 needs a CPU with random numbers"),
        ("x86_64", True, "", "tcg", "cortex-a57", "KVM runs only a host's own instructions"),
        ("aarch64", True, "2025.02-8", "kvm", "host", "this is an arm64 host"),
        ("aarch64", False, "2024.11-1", "tcg", "cortex-a57", "does not open: No such file or directory"),
        ("aarch64", False, "2025.08-1", "tcg", "max,pauth-impdef=on", "does not open"),
    ],
)
def test_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    machine: str, device: bool, version: str, accel: str, cpu: str, why: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(host, "machine", lambda: machine)
    if device:
        (tmp_path / "kvm").touch()
    chosen = choose(QEMU, edk2(version), kvm=tmp_path / "kvm")
    assert (chosen.accel, chosen.cpu) == (accel, cpu)
    assert why in chosen.why
