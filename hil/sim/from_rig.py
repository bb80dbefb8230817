"""The plan of a bench twin for a rig file: a device for each that its power ports, meters and consoles name.

Where two sections name one device (two channels of a relay board, a plug that switches and measures) it is one device.
Starts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.config.devices import TWIN, is_twin
from hil.config.environment import SecretText
from hil.config.power import MeterConfig, PowerConfig
from hil.config.serial import ConsoleConfig
from hil.errors import UsageError
from hil.sim.devices import CONSOLES, KINDS
from hil.sim.plan import Actor, BoardPlan, DevicePlan, Option, Plan, Script, Terminal

if TYPE_CHECKING:
    from hil.config.rig import NodeConfig, Rig

CHANNELS: Final = "channels"
"""The option of a device that says the highest channel that the rig names of it."""

_CHANNEL: Final = ("channel", "port")
_OWN: Final = frozenset({*PowerConfig.model_fields, *MeterConfig.model_fields, "device", "at", *_CHANNEL})
_NAME: Final = 32


@dataclass(frozen=True, slots=True)
class _Use:
    """One section of a rig that names a device.

    Args:
        keys: where in the rig file it stands.
        place: the device file or address that it names, or the twin's name.
        kind: of the device.
        section: itself.
        wish: what the device is called in the twin, where the rig has no name of it.
    """

    keys: tuple[str, ...]
    place: str
    kind: str
    section: PowerConfig | MeterConfig | ConsoleConfig
    wish: str

    @property
    def channel(self) -> int:
        """Which of the device's."""
        for name in _CHANNEL:
            value = getattr(self.section, name, None)
            if isinstance(value, int):
                return value
        return 1


def plan_of(rig: Rig, directory: Path, actors: Mapping[str, Actor], *, whole: bool = False) -> Plan:
    """The twin of a rig's bench.

    Args:
        rig: loaded.
        directory: the twin's; it is there, and no other user can enter it.
        actors: what each node's board does; a node that is not in it plays a script.
        whole: whether devices that are no twin's in the rig get a twin too, under the names of `names_of`.

    Raises:
        UsageError: a device of a kind that has no model, or one that the rig says two kinds of; a board of no node.
    """
    _check_boards(rig)
    names = names_of(rig, whole=whole)
    uses = [use for use in _uses(rig) if use.place in names]
    devices: dict[str, DevicePlan] = {}
    for use in uses:
        name = names[use.place]
        devices[name] = _merged(rig, devices.get(name), use, name)
    boards = [_board(node, config, rig, names, actors.get(node, Script())) for node, config in rig.nodes.items()]
    return Plan(
        seed=rig.twin.seed,
        directory=directory,
        devices=tuple(devices.values()),
        boards=tuple(board for board in boards if board is not None),
    )


def _check_boards(rig: Rig) -> None:
    for name in rig.twin.boards:
        if name not in rig.nodes:
            raise UsageError(
                f"{rig.where('twin', 'boards', name)}: the rig has no node {name!r}",
                hint=f"it has: {', '.join(rig.nodes)}",
            )


def names_of(rig: Rig, *, whole: bool = False) -> dict[str, str]:
    """What each device that a rig names is called in the twin, without "twin:", by the rig's text for it.

    Args:
        rig: loaded.
        whole: whether devices that are no twin's in the rig have one too.
    """
    names: dict[str, str] = {}
    for use in _uses(rig):
        if use.place in names:
            continue
        if is_twin(use.place):
            names[use.place] = use.place.removeprefix(TWIN)
        elif whole:
            names[use.place] = _free(use.wish, set(names.values()))
    return names


def _uses(rig: Rig) -> Iterator[_Use]:
    """In the order power, meters, consoles; those alone that name a device or an address."""
    sections: list[tuple[str, str, PowerConfig | MeterConfig]] = [
        *(("power", name, port) for name, port in rig.power.items()),
        *(("meters", name, meter) for name, meter in rig.meters.items()),
    ]
    for group, name, section in sections:
        use = _use((group, name), section, section.kind, name)
        if use is not None:
            yield use
    for node, config in rig.nodes.items():
        console = _console(config)
        if console is not None:
            kind = "uart" if console.device is not None else "tcp" if console.protocol == "raw" else "rfc2217"
            use = _use(("nodes", node, "console"), console, kind, f"{node}-console")
            if use is not None:
                yield use


def _use(
    keys: tuple[str, ...], section: PowerConfig | MeterConfig | ConsoleConfig, kind: str, wish: str
) -> _Use | None:
    for key in ("device", "at"):
        place = getattr(section, key, None)
        if isinstance(place, str):
            return _Use((*keys, key), place, kind, section, wish)
    return None


def _merged(rig: Rig, known: DevicePlan | None, use: _Use, name: str) -> DevicePlan:
    """A device as far as the rig's sections up to this one say it."""
    if use.kind not in KINDS:
        have = ", ".join(sorted(set(KINDS) - set(CONSOLES)))
        raise UsageError(
            f"{rig.where(*use.keys)}: the bench twin has no model of the kind {use.kind!r}", hint=f"it has: {have}"
        )
    if known is not None and (known.kind != use.kind or use.kind in CONSOLES):
        raise UsageError(
            f"{rig.where(*use.keys)}: {use.place} is a {known.kind} already, and cannot be a {use.kind} too",
            hint="give the twin's devices a name each",
        )
    options: dict[str, Option] = dict(known.options) if known is not None else {}
    for key, value in _options(use.section):
        if known is not None and options.get(key, value) != value and None not in (options[key], value):
            raise UsageError(
                f"{rig.where(*use.keys)}: {use.place} has {key} {options[key]!r} already, and {value!r} here",
                hint="the twin's devices have one of each; give it two devices",
            )
        if options.get(key) is None:
            options[key] = value
    if use.kind not in CONSOLES:
        highest = options.get(CHANNELS)
        options[CHANNELS] = max(use.channel, highest if isinstance(highest, int) else 0)
    return DevicePlan(name, use.kind, options)


def _options(section: PowerConfig | MeterConfig | ConsoleConfig) -> Iterator[tuple[str, Option]]:
    """The keys of a section that say what the device is; of a secret the variable that holds it."""
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, SecretText):
            yield f"{key}_env", value.variable
        elif key not in _OWN and (value is None or isinstance(value, str | int | float)):
            yield key, value


def _board(node: str, config: NodeConfig, rig: Rig, names: Mapping[str, str], actor: Actor) -> BoardPlan | None:
    """A node's board; None where nothing of it is the twin's."""
    port, meter, console = config.power_port(), config.meter_name(), _console(config)
    feeds = _terminals(names, None if port is None else rig.power[port])
    measured_by = _terminals(names, None if meter is None else rig.meters[meter])
    line = None if console is None else names.get(console.device or console.at or "")
    if not feeds and not measured_by and line is None:
        return None
    return BoardPlan(
        name=node,
        feeds=feeds,
        measured_by=tuple(terminal for terminal in measured_by if terminal not in feeds),
        console=line,
        baud=115200 if console is None else console.baud,
        actor=actor,
        speed=rig.twin.speed,
        faults=rig.twin.board(node).begins_with,
    )


def _terminals(names: Mapping[str, str], section: PowerConfig | MeterConfig | None) -> tuple[Terminal, ...]:
    use = None if section is None else _use((), section, section.kind, "")
    return () if use is None or use.place not in names else ((names[use.place], use.channel),)


def _console(config: NodeConfig) -> ConsoleConfig | None:
    console = getattr(config, "console", None)
    return console if isinstance(console, ConsoleConfig) else None


def _free(wish: str, taken: set[str]) -> str:
    """A name of the twin's form (`hil.config.devices`) that no other device has."""
    plain = re.sub(r"[^a-z0-9]+", "-", wish.lower()).strip("-")[: _NAME - 3] or "device"
    found, count = plain, 1
    while found in taken:
        count += 1
        found = f"{plain}-{count}"
    return found
