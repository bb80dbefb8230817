"""The image kind `simnode`: a simulated Talos node on Talos's own libraries, in layers of an initramfs.

Its kernel is a distribution's, its first program is built from `fixtures/node`, and each extension is a layer that
only images which list it have. It is no Talos: nothing is installed, no container and no Kubernetes runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from hil.clock import Deadline
from hil.config.expect import Expect, ServesExpect, SpinExpect, TailscaleExpect, TalosExpect
from hil.config.model import Fault, invalid
from hil.config.rig import ImageConfig
from hil.config.suggest import did_you_mean
from hil.config.talos import NONE
from hil.images.compress import compressed
from hil.images.extensions import SHIPPED, Extension
from hil.images.image import Asset, Image, Ready, sha256_of
from hil.images.kept import kept_archive, parts_key
from hil.images.layers import base_layer, extension_layer
from hil.images.modules import insertion_order
from hil.tools import programs
from hil.tools.cache import Cache
from hil.tools.gonode import guest_program, talos_version
from hil.tools.memo import remembered
from hil.tools.progress import Progress, quiet

API_PORT: Final = 50000
"""Where Talos's API listens (machinery, constants, ApidPort)."""

CONTROL_PORT: Final = 50999
"""Where an image with `control: true` can be told to change clock, entropy and faults."""

SIMULATED: Final = "simulated Talos node"

FAULTS: Final = (
    "extension-waiting",
    "extension-crashloop",
    "kubelet-unhealthy",
    "no-address",
    "config-404",
    "config-unknown-key",
    "time-unsynced",
    "reboot-loop",
    "hang",
    "panic",
    "wasm-runtime-missing",
    "component-traps",
    "wrong-runtime-handler",
    "clock-off",
)
"""What an image can have wrong with it; `fixtures/node/internal/fault` says what each does."""

JOIN_FAULTS: Final = ("key-invalid", "key-expired", "key-used", "control-unreachable")
"""What can be wrong with how it joins a tailnet of the bench's own; that lies in the configuration it is served."""

# The first is the machine's. The next are Talos 1.13's own (machinery, kernel.DefaultArgs), less those for SELinux,
# IMA, NVMe and signed modules, none of which is there. The last is how Talos's kernel is built (CONFIG_PANIC_TIMEOUT).
_ARGS = (
    "console=ttyAMA0",
    "talos.platform=metal",
    "init_on_alloc=1",
    "slab_nomerge=",
    "pti=on",
    "consoleblank=0",
    "printk.devkmsg=on",
    "panic=-1",
)
_USERSPACE = re.compile(rb"Run /init as init process")
_MODULES = ("virtio_net", "virtio_pci")
_OPTIONAL_MODULES = ("virtio_rng",)
# What the component that ships answers (fixtures/spin).
_HELLO, _HELLO_BODY = "/hello", "hello from wasm"
_VALUE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:h|m|s)(?:[0-9]+(?:m|s))*")


def _extension_name(name: str) -> str:
    if name not in SHIPPED:
        raise invalid(f"no extension {name[:40]!r} ships", did_you_mean(name, SHIPPED, what="extensions that ship"))
    return name


def _fault_name(text: str) -> str:
    name, equals, value = text.partition("=")
    known = (*FAULTS, *JOIN_FAULTS)
    if name not in known:
        raise invalid(f"there is no fault {name[:40]!r}", did_you_mean(name, known, what="faults"))
    if equals and name != "clock-off":
        raise invalid(f"the fault {name!r} takes no value", f"write {name} alone")
    if equals and _VALUE.fullmatch(value) is None:
        raise invalid(f"{value[:40]!r} is no duration", "write it as Go does: clock-off=48h, clock-off=-1h30m")
    return text


class Config(ImageConfig):
    """The simulated Talos node."""

    kind: Literal["simnode"] = Field(description="simnode")
    extensions: tuple[Annotated[str, AfterValidator(_extension_name)], ...] = Field(
        ("hello",), description=f"the extensions that it has, of those that ship: {', '.join(SHIPPED)}"
    )
    args: tuple[str, ...] = Field((), description="kernel arguments besides its own")
    fault: tuple[Annotated[str, AfterValidator(_fault_name)], ...] = Field(
        (), description="what is wrong with it from the start, as clock-off=48h"
    )
    control: bool = Field(
        default=False, description=f"listen on port {CONTROL_PORT} for orders: clock, entropy, faults"
    )

    def faults(self) -> Iterator[Fault]:
        """An extension that is listed twice; a fault of joining without anything that joins, or several."""
        for index, name in enumerate(self.extensions):
            if name in self.extensions[:index]:
                yield Fault(("extensions", index), f"the extension {name!r} is there twice", "name it once")
        joining = [index for index, name in enumerate(self.fault) if name in JOIN_FAULTS]
        if joining and not any(SHIPPED[name].tailnet for name in self.extensions):
            what = f"{self.fault[joining[0]]!r} is a fault of joining a tailnet, and the image joins none"
            yield Fault(("fault", joining[0]), what, "add the extension tailscale")
        if len(joining) > 1:
            yield Fault(("fault", joining[1]), "it joins in one wrong way at a time", "keep one of them")


def create(config: Config, *, name: str, cache: Cache, deadline: Deadline, progress: Progress = quiet) -> Image:
    """The image, its programs built and its layers written; the same source gives the same bytes.

    Args:
        config: the rig's section.
        name: the rig's name for the image.
        cache: keeps programs and layers.
        deadline: for building the programs.
        progress: told of what is built.

    Raises:
        InfrastructureError: the kernel is missing here, lacks a module, or a program cannot be built.
    """
    kernel = programs.kernel_arm64()
    digest = remembered(cache, "kernel", kernel.image, lambda: sha256_of(kernel.image))
    extensions = [SHIPPED[extension] for extension in config.extensions]
    return Image(
        name=name,
        kind=config.kind,
        kernel=Asset("kernel", kernel.image, digest, kernel.origin),
        initrds=(
            _base(kernel, extensions, cache, deadline, progress),
            *(_layer(extension, cache, deadline, progress) for extension in extensions),
        ),
        args=_arguments(config),
        ready=Ready(),
        userspace=_USERSPACE,
        expect=config.expect or _expected(extensions, configured=config.machine_config != NONE),
        ports=_ports(extensions, control=config.control),
        machine_config=True,
        extension_configs={extension.name: extension.environment for extension in extensions},
        tailnet=any(extension.tailnet for extension in extensions),
        tailnet_fault=next((fault for fault in config.fault if fault in JOIN_FAULTS), ""),
        simulated=SIMULATED,
    )


def _ports(extensions: list[Extension], *, control: bool) -> tuple[int, ...]:
    own = (API_PORT, CONTROL_PORT) if control else (API_PORT,)
    return (*own, *(port for extension in extensions for port in extension.ports))


def _arguments(config: Config) -> tuple[str, ...]:
    own = [fault for fault in config.fault if fault not in JOIN_FAULTS]
    faults = (f"simnode.fault={','.join(own)}",) if own else ()
    control = (f"simnode.control={CONTROL_PORT}",) if config.control else ()
    return (*_ARGS, *faults, *control, *config.args)


def _expected(extensions: list[Extension], *, configured: bool) -> Expect:
    """What holds at the end of a boot; without a configuration that is maintenance, and services wait for theirs."""
    talos = TalosExpect(
        stage="running" if configured else "maintenance",
        version=talos_version(),
        extensions={extension.name: extension.version() for extension in extensions},
        services=tuple(extension.name for extension in extensions if extension.service) if configured else (),
    )
    names = {extension.name for extension in extensions}
    joins = configured and any(extension.tailnet for extension in extensions)
    answers = ServesExpect(path=_HELLO, body=_HELLO_BODY)
    return Expect(
        talos=talos,
        tailscale=TailscaleExpect() if joins else None,
        # No Kubernetes runs there, so there is neither a RuntimeClass nor a SpinApp.
        spin=SpinExpect(serves=answers) if configured and "spin" in names else None,
    )


def _base(
    kernel: programs.Kernel, extensions: list[Extension], cache: Cache, deadline: Deadline, progress: Progress
) -> Asset:
    needing = [extension for extension in extensions if extension.modules]
    optional = (*_OPTIONAL_MODULES, *(module for extension in needing for module in extension.modules))
    init = guest_program("machined", cache, progress=progress, deadline=deadline)

    def make() -> bytes:
        modules = insertion_order(kernel.modules, _MODULES, optional=optional)
        return compressed(base_layer(init=init.read_bytes(), modules=modules))

    # Modules that are not in the cache may change under their path.
    told = kernel.modules.is_relative_to(cache.root)
    return kept_archive(
        cache,
        "-".join(["simnode-base", *(extension.name for extension in needing)]),
        file="base.cpio.zst",
        key=parts_key(seen=(init, kernel.modules), told=optional) if told else "",
        origin=f"made by hil for the kernel {kernel.version}",
        make=make,
        progress=progress,
    )


def _layer(extension: Extension, cache: Cache, deadline: Deadline, progress: Progress) -> Asset:
    contents = extension.contents(cache, progress=progress, deadline=deadline)
    described = tuple(part for part in (extension.manifest, extension.service) if part is not None)

    def make() -> bytes:
        service = extension.service.read_bytes() if extension.service else None
        layer = extension_layer(
            extension.name,
            manifest=extension.manifest.read_bytes(),
            service=service,
            contents=contents.entries(),
        )
        return compressed(layer, extension.level)

    return kept_archive(
        cache,
        f"simnode-{extension.name}",
        file=f"{extension.name}.cpio.zst",
        key=parts_key(seen=contents.seen, read=(*described, *contents.read), told=contents.told),
        origin=f"made by hil of fixtures/node/extensions/{extension.name}",
        make=make,
        progress=progress,
    )
