"""Puts the layers of the simulated node's initramfs together from their parts; fetches and builds none of them.

The kernel unpacks all archives of a boot over each other (Linux, Documentation/driver-api/early-userspace/
buffer-format.rst), so what an image has is which archives it lists: the base, and one for each extension.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from hil.images import cpio
from hil.images.modules import Module

_BASE_FOLDERS = ("dev", "etc", "lib", "lib/modules", "proc", "run", "sys", "tmp", "usr", "usr/local", "var")
_MANIFESTS = "etc/extensions.d"
# machinery, constants: ExtensionServiceConfigPath and ExtensionServiceRootfsPath.
_SERVICES = "usr/local/etc/containers"
_ROOTFS = "usr/local/lib/containers"


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


def extension_layer(name: str, *, manifest: bytes, service: bytes, program: bytes) -> bytes:
    """The archive that brings one extension with a service.

    Args:
        name: of the extension, its service and its program.
        manifest: what it says of itself, in YAML.
        service: how its service is run, in YAML; its entrypoint is the program.
        program: statically linked.
    """
    files = {
        f"{_MANIFESTS}/{name}.yaml": (manifest, 0o644),
        f"{_SERVICES}/{name}.yaml": (service, 0o644),
        f"{_ROOTFS}/{name}/{name}": (program, 0o755),
    }
    folders = {str(folder) for path in files for folder in PurePosixPath(path).parents} - {"."}
    return cpio.archive(
        [
            *(cpio.folder(path) for path in sorted(folders)),
            *(cpio.file(path, data, mode) for path, (data, mode) in files.items()),
        ]
    )
