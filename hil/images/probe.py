"""The image kind `probe`: a distribution's arm64 kernel and an initramfs made here, to look at a machine.

It brings up the network, prints the machine's facts, answers GET /healthz on port 8080, and has a shell on
the console; `fixtures/probe/init` is all of it. It is no operating system: nothing of it outlives the
power.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.rig import ImageConfig
from hil.images.image import Asset, HttpReady, Image, Ready, sha256_of
from hil.images.initramfs import probe_initramfs
from hil.images.kept import kept_archive, parts_key
from hil.images.modules import insertion_order
from hil.shipped import shipped
from hil.tools import programs
from hil.tools.cache import Cache
from hil.tools.memo import remembered
from hil.tools.progress import Progress, quiet

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
    digest = remembered(cache, "kernel", kernel.image, lambda: sha256_of(kernel.image))
    return Image(
        name=name,
        kind=config.kind,
        kernel=Asset("kernel", kernel.image, digest, kernel.origin),
        initrds=(_initramfs(kernel, cache, progress),),
        args=config.args,
        ready=Ready(READY, HttpReady(HTTP_PORT, "/healthz", re.compile(rb"\Aok\n\Z"))),
        userspace=USERSPACE,
        prompt=PROMPT,
    )


def _initramfs(kernel: programs.Kernel, cache: Cache, progress: Progress) -> Asset:
    busybox, scripts = programs.busybox_arm64(), shipped("fixtures") / "probe"

    def make() -> bytes:
        return probe_initramfs(
            busybox=busybox.read_bytes(),
            modules=insertion_order(kernel.modules, _MODULES, optional=_OPTIONAL_MODULES),
            scripts=scripts,
        )

    # Modules that are not in the cache may change under their path.
    told = kernel.modules.is_relative_to(cache.root)
    read = (scripts / "init", scripts / "udhcpc.script")
    return kept_archive(
        cache,
        "probe-initramfs",
        file="initramfs.cpio",
        key=parts_key(seen=(kernel.modules, busybox), read=read) if told else "",
        origin=f"made by hil for the kernel {kernel.version}",
        make=make,
        progress=progress,
    )
