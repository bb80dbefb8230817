"""What still counts of what was found of Tailscale on a node, and which of the tailnet's nodes it is. No judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from hil.clock import NANOSECONDS
from hil.readiness.rounds import Missing, Round
from hil.readiness.tailscale.registered import Registered, registered
from hil.readiness.tailscale.sources import Seen

T = TypeVar("T")
Dated: TypeAlias = tuple[T, int]
"""What was found, and when, ns of the one clock."""

BY_CONTROL: Final = "control"
BY_MAP: Final = "peer's map"

# A round comes every second or two; what is older than this is no answer any more.
_STALE: Final = 15.0
_NOT_YET: Final = Missing("no answer yet")


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found, each thing with its moment, or why it is not known.

    Args:
        seen: what was last found.
        hostname: the name that the machine registers by.
        now_ns: now, ns of the one clock.
        since_ns: what was asked before that moment does not count.
    """

    seen: Seen
    hostname: str
    now_ns: int
    since_ns: int = 0

    def fresh(self, found: Round[T] | Missing | None) -> Dated[T] | Missing:
        """What a round found, where that still counts; else why it is not known."""
        if isinstance(found, Missing):
            return found
        if found is None or found.began_ns < self.since_ns:
            return _NOT_YET
        if (age := (self.now_ns - found.at_ns) / NANOSECONDS) > _STALE:
            return Missing(f"no answer for {age:.0f} s")
        return found.found if isinstance(found.found, Missing) else (found.found, found.at_ns)

    def registration(self) -> tuple[Registered, str, int] | Missing:
        """The machine's node of the tailnet, who says so, and when.

        The control server's own word comes first. Where it cannot be asked, the network map counts that it gave the
        peer, as long as the peer is connected to it.
        """
        by_control = self.fresh(self.seen.nodes)
        if not isinstance(by_control, Missing):
            nodes, at_ns = by_control
            return registered(nodes, self.hostname, self.seen.addresses), BY_CONTROL, at_ns
        if by_control is _NOT_YET:
            return by_control
        by_peer = self.fresh(self.seen.peer)
        if not isinstance(by_peer, Missing) and by_peer[0].current:
            pinged, at_ns = by_peer
            return registered(pinged.nodes, self.hostname, self.seen.addresses), BY_MAP, at_ns
        return by_control
