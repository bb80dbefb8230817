"""What a group's machine is to become, and the disks that it needs: by its profile and its machine configuration.

Only what the tree says is expected; where it says nothing, that a login prompt comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from hil.config.source import Place
from hil.drafting.machine_config import Fact, Said, what_it_says
from hil.drafting.nodes import DraftNode
from hil.drafting.reading import Spot, UsersTree
from hil.drafting.template import Readable, readable
from hil.errors import Problem
from hil.services.matchbox.tree import Profile

_VERSION: Final = re.compile(r"(?<![0-9A-Za-z.])v\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?(?![0-9A-Za-z.]\d)")
_TALOS: Final = re.compile(r"talos\.(?:config|platform)=")
_CONFIG: Final = "talos.config="
_NUMBERED: Final = re.compile(r"/dev/(?:mmcblk(?P<mmc>0)|nvme(?P<nvme>[0-7])n1|vd(?P<virtio>[a-h]))")

TAILSCALE: Final = "tailscale"
"""The extension service that joins a tailnet."""


class Becomes(Enum):
    """What the end of a boot is judged by."""

    TALOS = "a Talos node"
    MAINTENANCE = "a Talos node in maintenance mode"
    TALOS_UNASKED = "a Talos node, by its console alone"
    LOGIN = "a machine with a login prompt"


@dataclass(frozen=True, slots=True)
class Known:
    """One thing that is known, and where it is written.

    Args:
        value: what.
        spot: where.
    """

    value: str
    spot: Spot


@dataclass(frozen=True, slots=True)
class Role:
    """What one node is to become.

    Args:
        profile: what it boots.
        talos: what shows that it is Talos; None when nothing does.
        configured: whether it gets a machine configuration, so that it does not stay in maintenance mode.
        version: of Talos.
        hostname: what it calls itself.
        services: extension services that its configuration has.
        spin: what shows that it serves WebAssembly.
        disks: the disks of a QEMU node that has the one that is installed to.
        disk: what is installed to.
        undecided: what the tree does not say.
    """

    profile: Profile
    talos: Known | None
    configured: bool
    version: Known | None
    hostname: Known | None
    services: tuple[Known, ...]
    spin: Known | None
    disks: tuple[str, ...]
    disk: Known | None
    undecided: tuple[Problem, ...]

    def becomes(self, *, asked: bool) -> Becomes:
        """What its boot is to end in.

        Args:
            asked: whether there is a talosconfig, so that Talos can be asked.
        """
        if self.talos is None:
            return Becomes.LOGIN
        if not self.configured:
            return Becomes.MAINTENANCE
        return Becomes.TALOS if asked else Becomes.TALOS_UNASKED

    @property
    def joins(self) -> bool:
        """Whether its configuration has it join a tailnet."""
        return any(service.value == TAILSCALE for service in self.services)


@dataclass(frozen=True, slots=True)
class Config:
    """A template that is a machine configuration.

    Args:
        readable: the template.
        said: what it says to all groups.
    """

    readable: Readable
    said: Said


def read_configs(users: UsersTree) -> Mapping[str, Config]:
    """Those of a tree's templates that are machine configurations, by id."""
    found = {}
    for ident, text in users.templates.items():
        template = readable(text)
        if (said := what_it_says(str(users.template_file(ident)), template.text)) is not None:
            found[ident] = Config(template, said)
    return found


def choose(users: UsersTree, node: DraftNode, configs: Mapping[str, Config]) -> Role:
    """The role of a node.

    Args:
        users: the tree.
        node: whose.
        configs: the tree's machine configurations, by id.
    """
    profile = users.tree.profiles[node.group.profile]
    template = users.template_file(profile.generic)
    said = _said(node, configs.get(profile.generic))
    talos = _first(users, profile, profile.args, _TALOS)
    undecided: list[Problem] = []
    facts = said or Said(None, None, None, (), None, None)
    if talos is None and said is not None:
        talos = Known("machine configuration", Spot(template))
    if facts.unreadable is not None:
        spot = Spot(template, facts.unreadable.place.line)
        undecided.append(
            spot.undecided("a part of the machine configuration was left out", "it is no YAML as it stands")
        )
    disks, more = _disks(facts, template)
    version, differing = _version(users, profile) if talos is not None else (None, [])
    return Role(
        profile=profile,
        talos=talos,
        configured=said is not None or any(_CONFIG in argument for argument in profile.args),
        version=version,
        hostname=_known(facts.hostname, template),
        services=tuple(known for fact in facts.services if (known := _known(fact, template)) is not None),
        spin=_known(facts.spin, template),
        disks=disks,
        disk=_known(facts.disk, template),
        undecided=(*undecided, *differing, *more),
    )


def _said(node: DraftNode, config: Config | None) -> Said | None:
    if config is None:
        return None
    values = {**node.group.metadata, **{key.lower(): value for key, value in node.group.selector.items()}}
    return config.said.of(config.readable, values)


def _known(fact: Fact | None, file: Path) -> Known | None:
    return None if fact is None else Known(fact.value, Spot(file, fact.place.line, fact.place.column))


def _first(users: UsersTree, profile: Profile, texts: Sequence[str], pattern: re.Pattern[str]) -> Known | None:
    for text in texts:
        if found := pattern.search(text):
            return Known(found[0], users.text(profile.file, text))
    return None


def _version(users: UsersTree, profile: Profile) -> tuple[Known | None, list[Problem]]:
    """The version that kernel and initramfs have in their paths, if they have one and the same."""
    found = {
        match[0]: Known(match[0], users.text(profile.file, text))
        for text in (profile.kernel, *profile.initrd)
        for match in _VERSION.finditer(text)
    }
    if len(found) <= 1:
        return next(iter(found.values()), None), []
    names = " and ".join(sorted(found))
    spot = users.key(profile.file, "boot")
    hint = "write `version:` under `expect: {talos: ...}` when it is clear which one is meant"
    return None, [spot.undecided(f"the paths of profile {profile.id!r} have several versions: {names}", hint)]


def _disks(said: Said, template: Path) -> tuple[tuple[str, ...], list[Problem]]:
    """Disks of a QEMU node of which the last has the name that is installed to."""
    hint = "give the node `disks:` (mmc, nvme or virtio) in the rig file, as its configuration needs them"
    if said.selector is not None:
        spot = Spot(template, said.selector.line, said.selector.column)
        return (), [spot.undecided("diskSelector says what the disk has to be, and not what it is called", hint)]
    if said.disk is None:
        return (), []
    if not said.disk.value:
        message = "the disk is a field that the group's metadata has no value for"
        return (), [_at(template, said.disk.place).undecided(message, hint)]
    match = _NUMBERED.fullmatch(said.disk.value)
    if match is None:
        return (), [
            _at(template, said.disk.place).undecided(f"a QEMU node has no disk {said.disk.value[:60]!r}", hint)
        ]
    bus = str(match.lastgroup)
    number = match[bus]
    return (bus,) * ((int(number) if number.isdigit() else ord(number) - ord("a")) + 1), []


def _at(file: Path, place: Place) -> Spot:
    return Spot(file, place.line, place.column)
