"""The layer of the extension `spin`: wasmtime with its C library, a component, and containerd's handler. Runs nothing.

The component is compiled before, on this host: an emulated machine takes four times as long to its first answer where
it compiles it itself. There is no containerd and no shim: the handler's file is there for those who read it, as on
Talos.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.images import cpio
from hil.images.contents import ROOTFS, Contents
from hil.shipped import shipped
from hil.tools import layouts, packages, wasmtime
from hil.tools.cache import Cache
from hil.tools.progress import Progress

PORT: Final = 3000
"""Where the component answers, as an application of Spin does by default (spin up --help)."""

HANDLER: Final = "etc/cri/conf.d/10-spin.part"
"""Where Talos's extension has containerd's handler (siderolabs/extensions, container-runtime/spin/pkg.yaml)."""

_ROOT: Final = f"{ROOTFS}/spin"


def contents(cache: Cache, *, progress: Progress, deadline: Deadline) -> Contents:
    """The program and its libraries, fetched if they are not in the cache; the component, compiled if it is not.

    Raises:
        InfrastructureError: some of it cannot be had.
    """
    runtime = wasmtime.runtime(cache, progress=progress, deadline=deadline)
    code = wasmtime.compiled(component_file(), runtime.compiler, cache, progress=progress, deadline=deadline)
    handler = shipped("fixtures") / "node/extensions/spin/10-spin.part"

    def entries() -> Iterator[cpio.Entry]:
        yield cpio.file(f"{_ROOT}/bin/wasmtime", runtime.program.read_bytes(), 0o755)
        yield cpio.file(f"{_ROOT}/component/hello.cwasm", code.read_bytes())
        yield cpio.file(HANDLER, handler.read_bytes())
        for name, path in layouts.glibc_layout(packages.listing(runtime.glibc)).items():
            folder = "lib" if name == layouts.LOADER else "lib/aarch64-linux-gnu"
            yield cpio.file(f"{_ROOT}/{folder}/{name}", (runtime.glibc / path).read_bytes(), 0o755)

    return Contents(entries, seen=(runtime.program, runtime.glibc, code), read=(handler,))


def component_file() -> Path:
    """The component as it ships, built from the source beside it."""
    return shipped("fixtures") / "spin/hello.wasm"
