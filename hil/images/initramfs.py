"""Puts the probe's initramfs together from its parts; fetches none of them.

The archive is not compressed: under emulation the guest's unpacking costs more than the bytes on a local
wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hil.images import cpio
from hil.images.modules import Module

_FOLDERS = ("bin", "dev", "etc", "lib", "lib/modules", "proc", "run", "sys", "tmp", "www")


def probe_initramfs(*, busybox: bytes, modules: Sequence[Module], scripts: Path) -> bytes:
    """The archive, the same bytes for the same parts.

    Args:
        busybox: the statically linked busybox of the machine's architecture.
        modules: what /init loads, in that order.
        scripts: the folder that holds `init` and `udhcpc.script`.

    Raises:
        OSError: a script cannot be read.
    """
    order = "".join(f"{module.name}\n" for module in modules)
    return cpio.archive(
        [
            *(cpio.folder(path) for path in _FOLDERS),
            cpio.character_device("dev/console", 5, 1),
            cpio.character_device("dev/null", 1, 3, 0o666),
            cpio.file("bin/busybox", busybox, 0o755),
            cpio.link("bin/sh", "busybox"),
            cpio.file("init", (scripts / "init").read_bytes(), 0o755),
            cpio.file("etc/udhcpc.script", (scripts / "udhcpc.script").read_bytes(), 0o755),
            cpio.file("www/healthz", b"ok\n"),
            cpio.file("lib/modules/order", order.encode()),
            *(cpio.file(f"lib/modules/{module.name}.ko", module.data) for module in modules),
        ]
    )
