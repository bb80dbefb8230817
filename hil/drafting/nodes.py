"""One node for each group that a machine of a rig can be in, named after it, with the selectors that get it there.

Decides identities alone; what a node boots and what is expected of it is in `roles`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hil.config.reader import NAME, SELECTORS
from hil.drafting.reading import Spot, UsersTree
from hil.errors import Problem
from hil.services.matchbox.tree import Group, normal_mac

# What iPXE tells Matchbox of an ARM64 machine that is not in DHCP's books (Matchbox v0.11.0, /boot.ipxe).
_ARCH: Final = "arm64"
_MAC_LENGTH: Final = 17
_LONGEST_NAME: Final = 32
_SERIAL: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OTHERS: Final = "take such a group's machines to a bench of their own, or give the group a mac, uuid or serial"


@dataclass(frozen=True, slots=True)
class DraftNode:
    """One node.

    Args:
        name: in the rig.
        group: the group that its machine is in.
        selectors: mac, uuid and serial, as far as the group selects by them.
        spots: where each of them is written.
        spot: where the group is.
    """

    name: str
    group: Group
    selectors: Mapping[str, str]
    spots: Mapping[str, Spot]
    spot: Spot


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes, and what could not be decided of groups."""

    nodes: tuple[DraftNode, ...]
    undecided: tuple[Problem, ...]


def choose(users: UsersTree) -> Nodes:
    """The nodes, in the order of the groups' names."""
    nodes: list[DraftNode] = []
    undecided: list[Problem] = []
    for group in sorted(users.tree.groups.values(), key=lambda each: each.id):
        spot = Spot(group.file)
        unfit = list(_unfit(users, group))
        undecided += unfit
        if unfit:
            continue
        selectors = {key.lower(): value for key, value in group.selector.items() if key.lower() in SELECTORS}
        spots = {key: users.key(group.file, "selector", key) for key in selectors}
        node = DraftNode(_name(group.id, {each.name for each in nodes}), group, selectors, spots, spot)
        if others := list(_taken(users, node, nodes)):
            undecided += others
            continue
        nodes.append(node)
        if node.name != group.id:
            hint = "a node's name is 1 to 32 of a-z, 0-9 and '-'; rename it in the rig file and the tests alike"
            undecided.append(spot.undecided(f"the node of group {group.id!r} is called {node.name}", hint))
    return Nodes(tuple(nodes), tuple(undecided))


def _unfit(users: UsersTree, group: Group) -> Iterator[Problem]:
    """Why no machine of a rig gets into a group; nothing when one does."""
    for key, value in group.selector.items():
        spot = users.key(group.file, "selector", key)
        if key == "arch" and value == _ARCH:
            continue
        if key not in (*SELECTORS, "arch"):
            message = f"group {group.id!r} has no node: no machine of a rig tells Matchbox {key}={value}"
            yield spot.undecided(message, _OTHERS)
        elif key == "arch":
            yield spot.undecided(
                f"group {group.id!r} has no node: it is for {value} machines", "hil boots arm64 alone"
            )
        elif why := _no_identity(key, value):
            yield spot.undecided(f"group {group.id!r} has no node: {value!r} {why}", _OTHERS)


def _no_identity(key: str, value: str) -> str:
    """Why a selector's value can be no machine's, or ""."""
    if key == "mac":
        mac = normal_mac(value) or ""
        unicast = len(mac) == _MAC_LENGTH and not int(mac[:2], 16) & 1 and mac.strip("0:")
        return "" if unicast else "is no address of an Ethernet port"
    if key == "uuid":
        return _no_uuid(value)
    return "" if _SERIAL.fullmatch(value) else "is no serial number that survives iPXE's URL"


def _no_uuid(value: str) -> str:
    try:
        known = uuid.UUID(value)
    except ValueError:
        return "is no UUID"
    if known.int == 0:
        return "is what machines without a UUID send"
    # Matchbox compares letter for letter, and iPXE writes lower case (src/core/uuid.c).
    return "" if value == str(known) else f"is never what iPXE sends: it writes {known}"


def _name(ident: str, taken: set[str]) -> str:
    """A rig's name for the group's node, which no other has."""
    plain = re.sub(r"[^a-z0-9]+", "-", ident.lower()).strip("-")[:_LONGEST_NAME].strip("-") or "node"
    name, number = plain, 2
    while name in taken:
        end = f"-{number}"
        name, number = plain[: _LONGEST_NAME - len(end)].rstrip("-") + end, number + 1
    assert NAME.fullmatch(name)
    return name


def _taken(users: UsersTree, node: DraftNode, others: list[DraftNode]) -> Iterator[Problem]:
    """Why the node's machine would get another group, or could not stand beside another node."""
    for key, value in node.selectors.items():
        for other in others:
            if other.selectors.get(key) == value:
                message = f"group {node.group.id!r} has no node: {key} {value} is that of node {other.name} already"
                hint = f"one machine cannot be both; as it stands it gets the group {_winner(users, node)!r}"
                yield node.spots[key].undecided(message, hint)
                return
    winner = _winner(users, node)
    if winner != node.group.id:
        message = f"group {node.group.id!r} has no node: a machine with its selectors gets the group {winner!r}"
        yield node.spot.undecided(message, "Matchbox takes the group with most selectors, then the last by their text")


def _winner(users: UsersTree, node: DraftNode) -> str:
    found = users.tree.select({**node.selectors, "arch": _ARCH})
    return "" if found is None else found.id
