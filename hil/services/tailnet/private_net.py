"""The private network of a bench's tailnet: what is in it, and the one unix socket by which it is reached.

What runs in it reaches nothing but itself. The path of a unix socket works across network namespaces (unix(7)). How
a namespace is held is `hil.netns`; this knows no tailnet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.keeper.client import Keeper
from hil.netns import namespace
from hil.netns.namespace import Inside, Namespace, Plan, Refused

STREAM: Final = "tailnet:net"
"""The keeper's name for the process that holds the namespace."""

_CONTROL: Final = "tailnet-net.sock"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A part of the bench that cannot be had on this host.

    Args:
        reason: why not, and what to do about it.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class PrivateNet:
    """The network.

    Args:
        net: the namespace.
        forward: the unix socket (mode 0600) by which it is reached.
    """

    net: Namespace
    forward: Path

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command that runs a program in it; for a child of the same keeper."""
        return self.net.inside(argv)


def hold(keeper: Keeper, forward: Path, address: HostPort, *, deadline: Deadline) -> PrivateNet | Unavailable:
    """Make the network.

    Args:
        keeper: owns it.
        forward: where its unix socket is to be; at most 107 bytes.
        address: what lo has in there, and the TCP port that each connection of the socket is joined to.
        deadline: for the holder's answers.

    Returns:
        The network, or why the kernel refuses it.

    Raises:
        UsageError: the socket's path is too long.
        InfrastructureError: the holder does not start, or does not answer.
    """
    plan = Plan((f"{address.host}/32",))
    net = namespace.hold(keeper, STREAM, forward.with_name(_CONTROL), plan, deadline=deadline)
    if isinstance(net, Refused):
        return Unavailable(f"this host allows no private network namespace ({net.reason}): {net.what_to_do}")
    net.join(forward, Inside(address), deadline=deadline)
    return PrivateNet(net, forward)
