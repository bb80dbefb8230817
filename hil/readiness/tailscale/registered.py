"""Which node of a tailnet is the machine that is meant. Asks nobody.

A hostname is not unique: a machine that was made anew registers as a new node, and the old one stays, offline, until
somebody removes it; the control server gives the new one a name with a number (headscale v0.29.2,
hscontrol/state/node_store.go, resolveGivenName). An address is unique. So where Talos tells the machine's addresses
that of its tailnet interface decides, else the hostname and, among several, who is online and was seen last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hil.services.tailnet.control import TailnetNode
from hil.services.tailnet.ranges import in_tailnet

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Registered:
    """Which node is meant.

    Args:
        node: it; None where there is none.
        online_twins: how many others of that name are online, so that it may be one of these.
        offline_twins: how many others of that name are offline.
        known: how many nodes there are in all.
    """

    node: TailnetNode | None
    online_twins: int
    offline_twins: int
    known: int

    @property
    def twins(self) -> str:
        """What must be said of others with its name, in words; "" for nothing."""
        said = []
        if self.online_twins:
            said.append(f"{self.online_twins} more of that name online, this one was seen last")
        if self.offline_twins:
            said.append(f"{self.offline_twins} older of that name offline")
        return ", ".join(said)


def registered(nodes: Sequence[TailnetNode], hostname: str, addresses: Sequence[str]) -> Registered:
    """The node that is meant.

    Args:
        nodes: all that the control server knows.
        hostname: the name that the machine registers by.
        addresses: the machine's own by Talos, with or without prefix lengths; none where that is not known, or where
            Tailscale has no network interface.
    """
    name = hostname.lower()
    named = [node for node in nodes if name in (node.hostname.lower(), node.given_name.lower())]
    own = {address.partition("/")[0] for address in addresses if in_tailnet(address)}
    if by_address := [node for node in nodes if own.intersection(node.addresses)]:
        offline = sum(not node.online for node in named if node not in by_address)
        return Registered(by_address[0], 0, offline, len(nodes))
    if not named:
        return Registered(None, 0, 0, len(nodes))
    chosen = max(named, key=_recency)
    online = sum(node.online for node in named if node is not chosen)
    return Registered(chosen, online, len(named) - 1 - online, len(nodes))


def _recency(node: TailnetNode) -> tuple[bool, datetime, int]:
    """Who is online, was seen last, and registered last: headscale counts its nodes."""
    return node.online, node.last_seen or _LONG_AGO, int(node.ident) if str(node.ident).isdecimal() else 0
