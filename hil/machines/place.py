"""What a bench hands to a machine kind so that it can make a machine. Makes nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.keeper.client import Keeper
from hil.machine import Identity


@dataclass(slots=True)
class Session:
    """What differs from one power-on of a machine to the next; its node sets it before it switches on.

    Args:
        folder: of the boot, where its streams are recorded.
        ports: TCP ports of the machine that what it boots wants reached.
    """

    folder: Path
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a machine is made.

    Args:
        node: the rig's name of the node.
        keeper: what owns its processes and its console.
        directory: the bench's private folder, short enough for unix sockets.
        netdev: QEMU's arguments for the machine's end of the segment, for an id and the guest's TCP ports to reach.
        identity: its selectors.
        session: what differs from one power-on to the next; read at each.
    """

    node: str
    keeper: Keeper
    directory: Path
    netdev: Callable[[str, Sequence[int]], list[str]]
    identity: Identity
    session: Session
