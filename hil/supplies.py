"""What a rig's machines hang on: power ports and meters, opened before any machine is made, and the twin behind them.

Where the rig names devices of the bench twin, that one is started first, and from then on they have real device files
and addresses: drivers and machines know nothing of it. Switches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from hil.config.devices import resolved, twin_names
from hil.config.model import Model
from hil.config.power import PowerConfig
from hil.keeper.journal import Entry
from hil.kinds import Segment, make_meter
from hil.machine import Identity
from hil.machines.place import Supply
from hil.power.meter import Meter
from hil.power.opening import Owner, open_ports
from hil.power.port import PowerPort
from hil.power.promise import KIND
from hil.sim import SIMULATED
from hil.taking import holder_words, lock_folder
from hil.tools.progress import Progress

if TYPE_CHECKING:
    from hil.config.rig import NodeConfig, Rig
    from hil.keeper.client import Keeper
    from hil.sim.client import TwinControl
    from hil.sim.plan import Actor


M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Supplies:
    """A bench's power ports and meters, open.

    Args:
        rig: what they were opened from, with real device files and addresses.
        ports: by the rig's names.
        meters: by the rig's names.
        twin: controls the bench twin; None where the rig names no device of it.
        simulated: the nodes of which anything is the twin's.
        simulated_meters: the meters that are the twin's.
    """

    rig: Rig
    ports: Mapping[str, PowerPort]
    meters: Mapping[str, Meter]
    twin: TwinControl | None
    simulated: frozenset[str] = frozenset()
    simulated_meters: frozenset[str] = frozenset()

    def of(self, config: NodeConfig) -> Supply:
        """What a node's machine hangs on."""
        port, name = config.power_port(), config.meter_name()
        meter = None if name is None else self.rig.meters[name]
        return Supply(
            port=None if port is None else self.ports[port],
            off_at_least=0.0 if port is None else self.rig.power[port].off_at_least,
            switches_within=PowerConfig.switches_within if port is None else self.rig.power[port].switches_within,
            meter=None if name is None else self.meters[name],
            meter_name=name or "",
            every=1.0 if meter is None else meter.every,
            dark_below=1.0 if meter is None else meter.dark_below,
            meter_simulated=name in self.simulated_meters,
        )

    def words(self, node: str) -> str:
        """What of a node's hardware is simulated, in words, or ""."""
        return SIMULATED if node in self.simulated else ""


def identity_of(config: NodeConfig) -> Identity:
    """How Matchbox tells a node's machine from others."""
    return Identity(config.mac, str(config.uuid), config.serial)


@contextmanager
def open_supplies(rig: Rig, keeper: Keeper, segment: Segment, progress: Progress) -> Iterator[Supplies]:
    """Open them; at the end of the block ports and meters are let go, and the keeper leaves the ports as promised.

    Args:
        rig: what to open.
        keeper: of its bench; holds the locks of what it takes.
        segment: where the twin's boards are plugged in.
        progress: told of waits.

    Raises:
        InfrastructureError: a device is not there, or the twin does not start.
        UsageError: the twin has no model of a device that the rig names of it.
    """
    real, twin, simulated = _with_twin(rig, keeper, segment)
    meters: dict[str, Meter] = {}

    def at_end(name: str, data: Mapping[str, object], argv: Sequence[str], within: float) -> None:
        keeper.at_end(Entry(KIND, name, data), argv, within=within)

    owner = Owner(keeper.directory, at_end, lock_folder(), holder_words(rig, keeper), progress)
    with open_ports(rig, real.power, owner) as ports:
        try:
            for name, config in real.meters.items():
                meters[name] = make_meter(config)
            of_twin = frozenset(name for name, meter in rig.meters.items() if any(twin_names(meter)))
            yield Supplies(real, ports, meters, twin, simulated, of_twin)
        finally:
            for meter in meters.values():
                meter.close()


def _with_twin(rig: Rig, keeper: Keeper, segment: Segment) -> tuple[Rig, TwinControl | None, frozenset[str]]:
    """The rig with real names, the twin behind them, and the nodes that it has a part in."""
    simulated = frozenset(node for node, config in rig.nodes.items() if _names_twin(rig, config))
    if not simulated:
        return rig, None, simulated
    from hil.sim.from_rig import plan_of
    from hil.sim.guest_actor import guest_actor, rom_actor
    from hil.sim.starting import start

    def actor(node: str) -> Actor:
        identity, cable, raspberry = identity_of(rig.nodes[node]), segment.cable(node), rig.nodes[node].raspberry()
        guest = guest_actor(node, keeper.directory, identity, cable, rig.twin)
        return guest if raspberry is None else rom_actor(node, guest, identity.mac, raspberry, cable, rig.twin)

    directory = keeper.directory / "twin"
    directory.mkdir(mode=0o700)
    twin = start(keeper, plan_of(rig, directory, {node: actor(node) for node in simulated}))

    # A board's stand-in firmware is no device: it stays what it is called.
    places = {name: name for node in simulated for name in twin_names(rig.nodes[node])} | dict(twin.devices)

    def real(sections: Mapping[str, M]) -> dict[str, M]:
        return {name: resolved(section, places) for name, section in sections.items()}

    found = replace(rig, power=real(rig.power), meters=real(rig.meters), nodes=real(rig.nodes))
    return found, twin.control, simulated


def _names_twin(rig: Rig, config: NodeConfig) -> bool:
    """Whether anything that a node's machine hangs on is the twin's."""
    port, meter = config.power_port(), config.meter_name()
    sections: list[Model] = [config]
    sections += [] if port is None else [rig.power[port]]
    sections += [] if meter is None else [rig.meters[meter]]
    return any(any(twin_names(section)) for section in sections)
