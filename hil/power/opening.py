"""Opens the power ports of a rig for one bench: those that its file names, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, cast

from hil.config import kinds
from hil.config.power import PowerConfig
from hil.errors import HilBug
from hil.power.port import PowerPort

if TYPE_CHECKING:
    from hil.config.rig import Rig


class _Kind(Protocol):
    def create(self, config: PowerConfig) -> PowerPort: ...


@contextmanager
def open_ports(rig: Rig) -> Iterator[Mapping[str, PowerPort]]:
    """Every power port of a rig by its name, let go of at the end of the block; none is switched by this.

    Args:
        rig: with real device files and addresses.

    Raises:
        InfrastructureError: a package that a port needs is missing.
    """
    ports = {name: make_port(config) for name, config in rig.power.items()}
    try:
        yield ports
    finally:
        for port in ports.values():
            port.close()


def make_port(config: PowerConfig) -> PowerPort:
    """A power port as its kind makes it, with neither interlock nor leave-policy.

    Raises:
        InfrastructureError: a package that it needs is missing.
    """
    kind = kinds.load(kinds.POWER, config.kind, PowerConfig)
    if kind is None:
        raise HilBug(f"the kind {config.kind!r} was there when the rig was loaded", hint="report this")
    return cast(_Kind, kind.module).create(config)
