"""All that is decided of a tree, before it is put into words. Writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.config.model import HostPort
from hil.drafting import addresses, doubts, nodes, roles
from hil.drafting.addresses import Address
from hil.drafting.nodes import DraftNode
from hil.drafting.reading import Spot, UsersTree, read
from hil.drafting.roles import TAILSCALE, Becomes, Role
from hil.errors import ConfigError, Problem
from hil.netboot.user import Config as UserSegment
from hil.services.matchbox.assets import is_there
from hil.services.matchbox.needs import needs

_TALOSCONFIG: Final = "talosconfig"


@dataclass(frozen=True, slots=True)
class MissingAsset:
    """A file that a profile lists and that the tree does not have.

    Args:
        path: behind /assets/.
        spots: where each profile lists it.
    """

    path: str
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What was decided.

    Args:
        data: the tree, from the folder where the rig file is to be.
        users: what was read.
        nodes: one for each group that a machine of the rig can be in.
        roles: what each of them is to become, by its name.
        address: where the bench is.
        missing: files that the tree lists and does not have.
        talosconfig: one that lies beside the tree, from the rig file's folder; None when there is none.
        undecided: what the tree does not say, in the order of its files.
    """

    data: str
    users: UsersTree
    nodes: tuple[DraftNode, ...]
    roles: Mapping[str, Role]
    address: Address
    missing: tuple[MissingAsset, ...]
    talosconfig: str | None
    undecided: tuple[Problem, ...]

    def becomes(self, node: str) -> Becomes:
        """What the end of a node's boot is judged by."""
        return self.roles[node].becomes(asked=self.talosconfig is not None)

    def shown(self, spot: Spot) -> str:
        """A place of the tree in a comment: the file from the tree's folder, and the line."""
        name = os.path.relpath(spot.file, self.users.data)
        return f"{name}:{spot.line}" if spot.line else name


def make_draft(matchbox: Path, out: Path) -> Draft:
    """Decide on a tree.

    Args:
        matchbox: its folder.
        out: where the rig file is to be.

    Raises:
        ConfigError: files of the tree that Matchbox would skip, names of nothing, or no group that a rig can have a
            node for; every one.
    """
    users = read(matchbox)
    chosen = nodes.choose(users)
    if not chosen.nodes:
        hint = "give a group a mac, uuid or serial as its selector, or none at all; nothing was written"
        raise ConfigError(chosen.undecided, hint=hint)
    address = addresses.choose(users)
    configs = roles.read_configs(users)
    found = {node.name: roles.choose(users, node, configs) for node in chosen.nodes}
    missing = tuple(_missing(users, found, address.bench or UserSegment.model_fields["bench"].default))
    talosconfig = _talosconfig(users.data, out)
    undecided = {
        *chosen.undecided,
        *address.undecided,
        *(problem for role in found.values() for problem in role.undecided),
        *_doubts(users, chosen.nodes, found),
        *_missing_problems(missing),
        *_unasked(chosen.nodes, found, talosconfig),
    }
    ordered = tuple(sorted(undecided, key=lambda each: (each.file, each.line, each.column, each.message)))
    data = _seen_from(out, users.data)
    return Draft(data, users, chosen.nodes, found, address, missing, talosconfig, ordered)


def _missing(users: UsersTree, found: Mapping[str, Role], bench: HostPort) -> Iterator[MissingAsset]:
    folder = users.data / "assets"
    profiles = {role.profile.id: role.profile for role in found.values()}
    listed: dict[str, list[Spot]] = {}
    for _, profile in sorted(profiles.items()):
        for written, path in needs(profile, bench):
            if not is_there(path, folder):
                listed.setdefault(path, []).append(users.text(profile.file, written))
    for path, spots in listed.items():
        yield MissingAsset(path, tuple(spots))


def _doubts(users: UsersTree, drafted: tuple[DraftNode, ...], found: Mapping[str, Role]) -> Iterator[Problem]:
    for node in drafted:
        profile = found[node.name].profile
        yield from doubts.of_profile(users, profile)
        yield from doubts.of_config_url(users, node, profile)


def _missing_problems(missing: tuple[MissingAsset, ...]) -> Iterator[Problem]:
    hint = "name it by url and sha256 (or by path) under `assets: {files: ...}` in the rig file"
    for asset in missing:
        for spot in asset.spots:
            yield spot.undecided(f"the asset {asset.path} is not in the tree", hint)


def _talosconfig(data: Path, out: Path) -> str | None:
    """A talosconfig in the tree's folder, or in the one around it."""
    places = (folder / _TALOSCONFIG for folder in (data, data.absolute().parent))
    return next((_seen_from(out, place) for place in places if place.is_file()), None)


def _seen_from(out: Path, path: Path) -> str:
    """The way from a folder to a path, as the kernel goes it: `..` of a link is where the link leads to."""
    return os.path.relpath(path.parent.resolve() / path.name, out.resolve())


def _unasked(drafted: tuple[DraftNode, ...], found: Mapping[str, Role], talosconfig: str | None) -> Iterator[Problem]:
    """What the tree alone does not open: the API of Talos, and a tailnet."""
    for node in drafted:
        role = found[node.name]
        if role.talos is not None and role.becomes(asked=talosconfig is not None) is Becomes.TALOS_UNASKED:
            message = f"no talosconfig was found, so Talos itself is not asked of nodes of profile {role.profile.id!r}"
            hint = "write `talos: {talosconfig: FILE}` and `expect: {talos: {}}` under the node, without `ready:`"
            yield role.talos.spot.undecided(message, hint)
        for service in role.services:
            if service.value == TAILSCALE:
                message = "Tailscale's control server is out of a bench's reach: nodes are not expected online there"
                hint = (
                    "docs/tailscale.md has a tailnet for tests (`tailnet:`, `egress:`); its test is skipped till then"
                )
                yield service.spot.undecided(message, hint)
