"""What a bench hands to a machine kind so that it can make a machine. Makes nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.machine import Identity
from hil.netboot.capture.choice import Capture
from hil.power.meter import Meter
from hil.power.port import PowerPort


@dataclass(slots=True)
class Session:
    """What differs from one power-on of a machine to the next; its node sets it before it switches on.

    Args:
        folder: of the boot, where its streams are recorded.
        ports: TCP ports of the machine that what it boots wants reached.
    """

    folder: Path
    ports: tuple[int, ...] = ()


class Cable(Protocol):
    """A machine's end of its segment."""

    @property
    def watch(self) -> str:
        """The network interface, where `run` puts a program, on which all of the machine's packets are seen.

        "" where there is none: the machine's network is then inside QEMU, or is not the bench's.
        """
        ...

    @property
    def tap(self) -> str:
        """The tap, where `run` puts a program, that is the machine's own end; "" where there is none."""
        ...

    def netdev(self, ident: str, ports: Sequence[int]) -> list[str]:
        """QEMU's arguments for it.

        Args:
            ident: the `id=` for `-device ...,netdev=`.
            ports: TCP ports of the machine that the bench must reach.
        """
        ...

    def run(self, argv: Sequence[str]) -> list[str]:
        """The command that runs a program where this end of the segment is; for a child of the bench's keeper."""
        ...

    def reach(self, port: int, monitor: Callable[[str], str], *, deadline: Deadline) -> tuple[str, int]:
        """Where a client on the bench connects to for one of the ports that `netdev` was told.

        Args:
            port: the machine's own.
            monitor: what QEMU's human monitor answers to a command.
            deadline: for the answer.

        Raises:
            InfrastructureError: nobody says where.
        """
        ...


@dataclass(frozen=True, slots=True)
class Supply:
    """What a machine's supply goes through, where the rig names it.

    Args:
        port: switches it, or None.
        off_at_least: s that the port stays off at least.
        switches_within: s that a switching may take besides.
        meter: measures it, or None.
        meter_name: the rig's name of it.
        every: s from one reading of the meter to the next.
        dark_below: W below which the machine is off.
        meter_simulated: whether the meter is the bench twin's.
    """

    port: PowerPort | None = None
    off_at_least: float = 0.0
    switches_within: float = 10.0
    meter: Meter | None = None
    meter_name: str = ""
    every: float = 1.0
    dark_below: float = 1.0
    meter_simulated: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a machine is made.

    Args:
        node: the rig's name of the node.
        keeper: what owns its processes and its console.
        directory: the bench's private folder, short enough for unix sockets.
        cable: the machine's end of the segment.
        identity: its selectors.
        session: what differs from one power-on to the next; read at each.
        capture: what is kept of its packets.
        secrets: what is kept of no packet; asked at each power-on.
        supply: what its supply goes through.
        simulated: what of its hardware is simulated, in words, or "".
    """

    node: str
    keeper: Keeper
    directory: Path
    cable: Cable
    identity: Identity
    session: Session
    capture: Capture = "off"
    secrets: Callable[[], Iterable[str]] = tuple
    supply: Supply = Supply()
    simulated: str = ""
