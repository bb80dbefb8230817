"""What a bench hands to a kind of segment so that it can make one. Makes nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.keeper.client import Keeper
from hil.netboot.rpi.tree import Tree


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """Where a segment is made.

    Args:
        directory: the bench's private folder, short enough for unix sockets.
        keeper: what owns its processes.
        nodes: the MAC address of each node, by its name, in the order of the rig file.
        ipxe: the EFI build of iPXE for arm64.
        record: the bench's folder, where streams are recorded.
        trees: what the Raspberry Pis among the nodes fetch before their own firmware runs, by the nodes' names.
    """

    directory: Path
    keeper: Keeper
    nodes: Mapping[str, str]
    ipxe: Path
    record: Path
    trees: Mapping[str, Tree] = field(default_factory=dict)
