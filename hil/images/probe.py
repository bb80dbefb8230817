"""The image kind `probe`: a distribution's arm64 kernel and an initramfs made here, to look at a machine.

It brings up the network, prints the machine's facts, answers GET /healthz on port 8080, and has a shell on
the console; `fixtures/probe/init` is all of it. It is no operating system: nothing of it outlives the
power.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.rig import ImageConfig
from hil.images.image import Asset, HttpReady, Image, Ready, sha256_of
from hil.images.initramfs import probe_initramfs
from hil.images.modules import insertion_order
from hil.shipped import shipped
from hil.tools import programs
from hil.tools.cache import Cache
from hil.tools.memo import remembered
from hil.tools.progress import Progress, Step, quiet

HTTP_PORT: Final = 8080
"""Where the probe answers /healthz and /facts."""

PROMPT: Final = b"hil-probe# "
"""The prompt of the probe's shell."""

USERSPACE: Final = re.compile(rb"hil-probe: userspace")
READY: Final = re.compile(rb"hil-probe: ready ip=(\S+)")
FACT: Final = re.compile(rb"hil-probe: fact (\w+)=([^\r\n]*)\r?\n")
"""One fact of the machine: its name and value, as the probe prints it on the console."""

_MODULES = ("virtio_net", "virtio_pci")
_OPTIONAL_MODULES = ("virtio_rng", "virtio_blk")
_CACHE_NAME = "probe-initramfs"


class Config(ImageConfig):
    """The probe image."""

    kind: Literal["probe"] = Field(description="probe")
    args: tuple[str, ...] = Field(
        ("console=ttyAMA0",), description="kernel arguments; console= must name this machine's serial port"
    )


def create(config: Config, *, name: str, cache: Cache, deadline: Deadline, progress: Progress = quiet) -> Image:
    """The image, its initramfs built; the same parts give the same bytes.

    Args:
        config: the rig's section.
        name: the rig's name for the image.
        cache: keeps the initramfs.
        deadline: not needed by this kind, which fetches nothing.
        progress: told of what is built or fetched.

    Raises:
        InfrastructureError: the kernel or busybox is missing here, or the kernel lacks a module.
    """
    kernel = programs.kernel_arm64()
    digest = remembered(cache, "probe-kernel", kernel.image, lambda: sha256_of(kernel.image))
    return Image(
        name=name,
        kind=config.kind,
        kernel=Asset("kernel", kernel.image, digest, kernel.origin),
        initrds=(_initramfs(kernel, cache, progress),),
        args=config.args,
        ready=Ready(READY, HttpReady(HTTP_PORT, "/healthz", re.compile(rb"\Aok\n\Z"))),
        userspace=USERSPACE,
    )


def _initramfs(kernel: programs.Kernel, cache: Cache, progress: Progress) -> Asset:
    busybox, scripts = programs.busybox_arm64(), shipped("fixtures") / "probe"
    key = _parts(kernel, busybox, scripts)
    origin = f"made by hil for the kernel {kernel.version}"
    path = cache.file(_CACHE_NAME, key) if kernel.modules.is_relative_to(cache.root) else None
    entry = cache.entry(_CACHE_NAME)
    if path is not None and entry is not None:
        return Asset("initramfs.cpio", path, entry.digest, origin)
    progress(Step(f"writing the probe's initramfs for {kernel.version}"))
    data = probe_initramfs(
        busybox=busybox.read_bytes(),
        modules=insertion_order(kernel.modules, _MODULES, optional=_OPTIONAL_MODULES),
        scripts=scripts,
    )
    with cache.work() as folder:
        made = folder / "initramfs.cpio"
        made.write_bytes(data)
        path = cache.put_file(_CACHE_NAME, made, key=key, origin=origin, how="hil.images.initramfs")
    return Asset("initramfs.cpio", path, hashlib.sha256(data).hexdigest(), origin)


def _parts(kernel: programs.Kernel, busybox: Path, scripts: Path) -> str:
    """What the initramfs is made of, told without reading it: 20 ms of each boot that is made of the same.

    A folder of the cache has its content's digest in its path; the scripts and the code that builds are read.
    """
    seen = busybox.stat()
    parts = [str(kernel.modules), str(busybox), str(seen.st_size), str(seen.st_mtime_ns)]
    read = [scripts / "init", scripts / "udhcpc.script", *sorted(Path(__file__).parent.glob("*.py"))]
    digest = hashlib.sha256("\0".join(parts).encode())
    for file in read:
        digest.update(file.read_bytes())
    return digest.hexdigest()
