"""Puts the layers of the simulated node's initramfs together from their parts; fetches and builds none of them.

The kernel unpacks all archives of a boot over each other (Linux, Documentation/driver-api/early-userspace/
buffer-format.rst), so what an image has is which archives it lists: the base, and one for each extension.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from hil.images import cpio
from hil.images.modules import Module

_BASE_FOLDERS = ("dev", "etc", "lib", "lib/modules", "proc", "run", "sys", "tmp", "usr", "usr/local", "var")
_MANIFESTS = "etc/extensions.d"
# machinery, constants: ExtensionServiceConfigPath.
_SERVICES = "usr/local/etc/containers"


def base_layer(*, init: bytes, modules: Sequence[Module]) -> bytes:
    """The archive that every such node boots.

    Args:
        init: the statically linked first program.
        modules: what it loads, in that order.
    """
    order = "".join(f"{module.name}\n" for module in modules)
    return cpio.archive(
        [
            *(cpio.folder(path) for path in _BASE_FOLDERS),
            cpio.character_device("dev/console", 5, 1),
            cpio.character_device("dev/null", 1, 3, 0o666),
            cpio.file("init", init, 0o755),
            cpio.file("lib/modules/order", order.encode()),
            *(cpio.file(f"lib/modules/{module.name}.ko", module.data) for module in modules),
        ]
    )


def extension_layer(name: str, *, manifest: bytes, service: bytes | None, contents: Iterable[cpio.Entry]) -> bytes:
    """The archive that brings one extension.

    Args:
        name: of the extension, and of its service.
        manifest: what it says of itself, in YAML.
        service: how its service is run, in YAML; None for an extension without one.
        contents: what else it brings; the folders that it lies in are added.

    Raises:
        ValueError: two entries have one path, or one has none that can be.
    """
    entries = [cpio.file(f"{_MANIFESTS}/{name}.yaml", manifest), *contents]
    if service is not None:
        entries.append(cpio.file(f"{_SERVICES}/{name}.yaml", service))
    given = {entry.path for entry in entries}
    around = {str(folder) for path in given for folder in PurePosixPath(path).parents} - {".", "/"}
    return cpio.archive([*(cpio.folder(path) for path in around - given), *entries])
