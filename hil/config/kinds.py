"""Kinds: a rig's `kind: NAME` to the module that the entry point of that name gives, and to no other module.

An unknown kind is found out from the names alone; nothing is imported for it.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from types import ModuleType
from typing import Final, Generic, TypeVar

from hil.config.model import Model
from hil.errors import HilBug, InfrastructureError

MACHINES: Final = "hil.machines"
SEGMENTS: Final = "hil.segments"
IMAGES: Final = "hil.images"
POWER: Final = "hil.power"
METERS: Final = "hil.meters"

DISTRIBUTION: Final = "hil"


C = TypeVar("C", bound=Model)


@dataclass(frozen=True, slots=True)
class Kind(Generic[C]):
    """One kind of machine, segment, image, power port or meter.

    Args:
        group: one of the five above.
        name: what a rig calls it.
        module: where its configuration and its factory are.
        config: the model of a rig's section of this kind.
    """

    group: str
    name: str
    module: ModuleType
    config: type[C]


def names(group: str, *, own: bool = False) -> list[str]:
    """The names of all kinds of a group that are installed here, or of hil's own alone, sorted."""
    points = _own() if own else metadata.entry_points()
    return sorted({point.name for point in points.select(group=group)})


def load(group: str, name: str, base: type[C]) -> Kind[C] | None:
    """The kind called `name`, or None when there is none.

    hil's own come before those of other packages, and are found without a look at every installed package.

    Args:
        group: one of the five above.
        name: what a rig calls it.
        base: what its `Config` must be a subclass of.

    Raises:
        InfrastructureError: its module cannot be imported: a package that it needs is missing.
        HilBug: its module has no `Config` that is a subclass of `base`.
    """
    point = _entry_point(group, name)
    if point is None:
        return None
    try:
        module = importlib.import_module(point.module)
    except ImportError as error:
        raise InfrastructureError(
            f"the kind {name!r} ({group}) cannot be loaded: {error}",
            hint="install the package that it needs; `hil doctor` shows what is there",
        ) from error
    config = getattr(module, "Config", None)
    if not (isinstance(config, type) and issubclass(config, base)):
        raise HilBug(f"{point.module} has no Config({base.__name__}) for {name!r}", hint="report this to its author")
    return Kind(group, name, module, config)


def _entry_point(group: str, name: str) -> metadata.EntryPoint | None:
    for points in (_own(), None):
        found = (metadata.entry_points() if points is None else points).select(group=group, name=name)
        for point in found:
            return point
    return None


def _own() -> metadata.EntryPoints:
    return _own_in(tuple(sys.path))


# A rig asks for each of its sections, and hil's metadata would be found, read and parsed each time.
@lru_cache(maxsize=1)
def _own_in(path: tuple[str, ...]) -> metadata.EntryPoints:
    for distribution in metadata.distributions(name=DISTRIBUTION, path=list(path)):
        return distribution.entry_points
    return metadata.EntryPoints()
