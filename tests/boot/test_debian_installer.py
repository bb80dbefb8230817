"""Someone else's image: Debian's own installer, booted over the network to its first screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.rigs import run_hil, write_rig

from hil.images.image import sha256_of
from hil.timeline.stages import STAGES
from hil.tools import programs

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]


def test_debians_installer_comes_to_its_first_screen(tmp_path: Path, installer: programs.DebianInstaller) -> None:
    rig = write_rig(
        tmp_path,
        {
            "hil": 1,
            "images": {
                "debian": {
                    "kind": "files",
                    "kernel": str(installer.kernel),
                    "initrd": str(installer.initrd),
                    "args": ["console=ttyAMA0"],
                    "ready": {"console": "Select a language"},
                }
            },
            "nodes": {"node1": {"kind": "qemu", "image": "debian", "memory": "1GiB", "boot_within": "600s"}},
        },
    )
    done = run_hil("boot", str(rig), "--json", cwd=tmp_path, within=700)
    assert done.code == 0, done.err
    [boot] = done.document["boots"]  # type: ignore[misc]
    told = [mark["stage"] for mark in boot["timeline"]["marks"] if mark["source"] != "packets"]
    assert told == [stage.name for stage in STAGES]
    assert [(asset["name"], asset["sha256"]) for asset in boot["assets"]] == [
        ("linux", sha256_of(installer.kernel)),
        ("initrd.gz", sha256_of(installer.initrd)),
    ]
    ready = boot["timeline"]["marks"][-1]
    assert (ready["source"], ready["evidence"]) == ("console", "Select a language")
