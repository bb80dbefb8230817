"""EDK2 2025.02 and newer boot too: they want a CPU with random numbers, and offer no PXE without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.rigs import run_hil

from hil.clock import Deadline
from hil.tools import host, packages
from hil.tools.cache import Cache
from hil.tools.progress import quiet

SUITE = "trixie"
FIRMWARE = ("usr/share/AAVMF/AAVMF_CODE.fd", "usr/share/AAVMF/AAVMF_VARS.fd")


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if host.distribution().family != "debian":
        pytest.skip("no Debian suite on this host to take a newer EDK2 from")
    recipe = packages.Recipe(
        "edk2-newer", SUITE, "arm64", packages.named("qemu-efi-aarch64"), lambda paths: list(FIRMWARE)
    )
    cache = Cache(tmp_path_factory.mktemp("cache"))
    tree = packages.obtain(recipe, cache, progress=quiet, deadline=Deadline.after(300))
    return tree / FIRMWARE[0], tree / FIRMWARE[1]


def test_a_newer_firmware_boots_with_the_cpu_that_is_chosen_for_it(
    firmware: tuple[Path, Path], tmp_path: Path
) -> None:
    chosen = {"HIL_EDK2_CODE": str(firmware[0]), "HIL_EDK2_VARS": str(firmware[1])}
    done = run_hil("boot", "--image", "simnode", "--json", cwd=tmp_path, env=chosen)
    assert done.code == 0, done.err
    (boot,) = json.loads(done.out)["boots"]
    assert boot["verdict"] == "ready"
    assert boot["edk2"] >= "edk2-2025"
    assert boot["accelerator"] in ("tcg max,pauth-impdef=on", "kvm host")
