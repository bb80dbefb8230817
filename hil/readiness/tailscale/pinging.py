"""The view of a peer: what its tailscaled knows of the tailnet, and whether the node answers its ping. No judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hil.clock import Deadline
from hil.services.tailnet.control import TailnetNode
from hil.services.tailnet.localapi import LocalApi
from hil.services.tailnet.status import BackendState, Member, NoPong, Pong, TailscaleStatus

# Seconds for each try. A ping that is sent before the node has its relay is lost, and so may be one by UDP; a pong
# through a relay took 23 ms from an emulated node, and a busy host takes longer.
_TRIES: Final = (0.4, 0.8, 1.6)


@dataclass(frozen=True, slots=True)
class Pinged:
    """What one round found.

    Args:
        status: what the peer's tailscaled knows.
        address: that was pinged, or "".
        pong: what came of it; None where there was no address to ping, or the peer is in no tailnet itself.
    """

    status: TailscaleStatus
    address: str
    pong: Pong | NoPong | None

    @property
    def name(self) -> str:
        """What a message calls the peer."""
        return self.status.own.hostname if self.status.own is not None else "the peer"

    @property
    def running(self) -> bool:
        """Whether it is in a tailnet at all."""
        return self.status.state is BackendState.RUNNING

    @property
    def current(self) -> bool:
        """Whether what it knows of others is kept up by the control server now."""
        return self.running and self.status.own is not None and self.status.own.online

    @property
    def nodes(self) -> tuple[TailnetNode, ...]:
        """The other nodes, in the control server's terms, as the control server gave them to the peer."""
        return tuple(_node(member) for member in self.status.peers)


def ask_peer(peer: LocalApi, address_of: Callable[[tuple[TailnetNode, ...]], str], deadline: Deadline) -> Pinged:
    """Ask what the peer knows, and ping the node.

    Args:
        peer: who pings.
        address_of: which address to ping, given the nodes that the peer knows; "" for none.
        deadline: of it all.

    Raises:
        InfrastructureError: the peer cannot be asked.
    """
    status = peer.status(deadline)
    found = Pinged(status, "", None)
    address = address_of(found.nodes) if found.running else ""
    if not address:
        return found
    for seconds in _TRIES:
        pong = peer.ping(address, deadline.sooner(seconds))
        if isinstance(pong, Pong) or not pong.sent:
            break
    return Pinged(status, address, pong)


def _node(member: Member) -> TailnetNode:
    return TailnetNode(
        ident=member.ident,
        hostname=member.hostname,
        given_name=member.dns_name.partition(".")[0],
        user="",
        addresses=member.addresses,
        online=member.online,
        last_seen=member.last_seen,
        key_expiry=member.key_expiry,
        tags=member.tags,
    )
