"""Makes what a rig names by kind, as its machines, its segment and its images. The kinds are entry points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from hil.clock import Deadline
from hil.config import kinds
from hil.config.model import HostPort, Model
from hil.config.power import MeterConfig
from hil.config.rig import ImageConfig, NodeConfig, SegmentConfig
from hil.config.suggest import did_you_mean
from hil.console.deaths import Death
from hil.errors import HilBug, UsageError
from hil.images.image import Image
from hil.keeper.client import Keeper
from hil.machine import Machine
from hil.machines.place import Cable, Place
from hil.netboot.place import SegmentPlace
from hil.netboot.rpi.tree import Tree
from hil.power.meter import Meter
from hil.timeline.trouble import Trouble
from hil.tools import programs
from hil.tools.cache import Cache
from hil.tools.progress import Progress, quiet

if TYPE_CHECKING:
    from pathlib import Path

    from hil.config.rig import Rig

_IMAGE_WITHIN = 1800.0


class Segment(Protocol):
    """A segment as its kind makes it."""

    @property
    def bench(self) -> HostPort:
        """Where the machines find Matchbox."""
        ...

    @property
    def deaths(self) -> Sequence[Death]:
        """Words on a machine's console after which waiting is useless."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """What a boot's record says of it besides its kind, in words."""
        ...

    def lease(self, node: str) -> str:
        """The address that a node's machine is given."""
        ...

    def elsewhere(self, node: str, *, deadline: Deadline) -> Trouble | None:
        """Why a node's machine cannot answer where it is asked, as far as the segment shows it.

        Args:
            node: its name.
            deadline: for the answer.
        """
        ...

    def serve(self, services: Mapping[HostPort, tuple[str, int] | Path]) -> None:
        """Have the machines find the bench's services; before any `cable` is made.

        Args:
            services: where each really listens, a TCP address or a unix socket, by the address that machines have
                for it.
        """
        ...

    def cable(self, node: str) -> Cable:
        """The end of it for a node's machine."""
        ...


class _MachineKind(Protocol):
    def create(self, config: NodeConfig, place: Place) -> Machine: ...


class _MeterKind(Protocol):
    def create(self, config: MeterConfig) -> Meter: ...


class _SegmentKind(Protocol):
    def create(self, config: SegmentConfig, place: SegmentPlace) -> Segment: ...


class _ImageKind(Protocol):
    def create(
        self, config: ImageConfig, *, name: str, cache: Cache, deadline: Deadline, progress: Progress
    ) -> Image: ...


def make_machine(config: NodeConfig, place: Place) -> Machine:
    """A node's machine, off.

    Raises:
        InfrastructureError: a program that it needs is missing.
    """
    return cast(_MachineKind, _module(kinds.MACHINES, config.kind, NodeConfig)).create(config, place)


def make_meter(config: MeterConfig) -> Meter:
    """A meter.

    Raises:
        InfrastructureError: a package that it needs is missing.
    """
    return cast(_MeterKind, _module(kinds.METERS, config.kind, MeterConfig)).create(config)


def make_segment(rig: Rig, keeper: Keeper, record: Path, trees: Mapping[str, Tree]) -> Segment:
    """A rig's segment, which no machine is on yet.

    Args:
        rig: whose.
        keeper: of its bench; owns what the segment starts.
        record: the bench's folder, for recordings.
        trees: what the Raspberry Pis among the nodes fetch before their own firmware runs, by the nodes' names.

    Raises:
        InfrastructureError: a program that it needs is missing, this host refuses what it needs, or its folder cannot
            be written.
        UsageError: it has too few addresses for the rig's nodes.
    """
    made = cast(_SegmentKind, _module(kinds.SEGMENTS, rig.segment.kind, SegmentConfig))
    macs = {name: node.mac for name, node in rig.nodes.items()}
    return made.create(rig.segment, SegmentPlace(keeper.directory, keeper, macs, programs.ipxe(), record, trees))


def known_image(rig: Rig, name: str) -> ImageConfig:
    """The section of an image of the rig.

    Raises:
        UsageError: the rig has no such image.
    """
    if name not in rig.images:
        hint = did_you_mean(name, rig.images, what="images of the rig")
        raise UsageError(f"rig {rig.name} has no image {name!r}", hint=hint)
    return rig.images[name]


def make_image(rig: Rig, name: str, progress: Progress = quiet) -> Image:
    """An image of the rig, fetched or built where it is not in the cache.

    Args:
        rig: whose.
        name: the rig's name for it.
        progress: told of what is fetched and built, which can take minutes.

    Raises:
        UsageError: the rig has no such image.
        ConfigError, NodeError, InfrastructureError: it cannot be made.
    """
    config = known_image(rig, name)
    made = cast(_ImageKind, _module(kinds.IMAGES, config.kind, ImageConfig))
    return made.create(config, name=name, cache=Cache(), deadline=Deadline.after(_IMAGE_WITHIN), progress=progress)


def _module(group: str, name: str, base: type[Model]) -> object:
    found = kinds.load(group, name, base)
    if found is None:
        raise HilBug(f"the kind {name!r} ({group}) was there when the rig was loaded", hint="report this")
    return found.module
