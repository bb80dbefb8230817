"""Whom a probe of Tailscale asks, and what each of them tells; each may be missing, with the reason. No judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hil.clock import Deadline
from hil.readiness.condition import Condition
from hil.readiness.rounds import Missing, Round
from hil.readiness.tailscale.healthz import Healthz
from hil.readiness.tailscale.log import Said
from hil.readiness.tailscale.pinging import Pinged
from hil.services.tailnet.control import ControlServer, TailnetNode
from hil.services.tailnet.localapi import LocalApi

if TYPE_CHECKING:
    from hil.config.expect.tailscale import TailscaleExpect

Networks: TypeAlias = Mapping[str, tuple[str, ...]]
"""The networks of a cluster by what they are for, as {"pods": ("10.244.0.0/16",), "join": ("100.64.0.0/16",)}."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask.

    Args:
        service: the condition that Talos's service ext-tailscale runs, by what Talos was asked after a moment (ns of
            the one clock), as `TalosProbe.look_for` judges it; it waits for nothing.
        log: the last lines, so many at most, of what that service has logged.
        addresses: the node's own addresses by Talos, with or without prefix lengths; it waits for nothing, and is
            called in other threads too.
        healthz: where the port of /healthz is reached now, as host and port.
        control: the tailnet's control server.
        peer: a tailscaled in the same tailnet, to ping from.
        networks: the cluster's networks, or None where it has none that anybody knows of, and none is judged.
        ask_talos: has Talos asked anew at once, where it is asked; it waits for nothing.
    """

    service: Callable[[int], Condition] | Missing
    log: Callable[[int, Deadline], bytes] | Missing
    addresses: Callable[[], tuple[str, ...]] | Missing
    healthz: Callable[[Deadline], tuple[str, int]] | Missing
    control: ControlServer | Missing
    peer: LocalApi | Missing
    networks: Networks | Missing | None
    ask_talos: Callable[[], None] = lambda: None

    def never(self, expect: TailscaleExpect) -> tuple[Missing, ...]:
        """Those that are missing, so that what is expected and only they can tell stays unknown.

        Without the control server, the network map that it gives the peer tells the same; without Talos's word on the
        node's addresses, its name finds it.
        """
        healthz = None if expect.healthz is None else self.healthz
        needed = (self.service, healthz, self.peer, self.log, self.networks)
        return tuple(source for source in needed if isinstance(source, Missing))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last found. A round is None before the first is over.

    Args:
        service: the condition that the service runs, or why nothing is known of it.
        addresses: the node's own by Talos; none where that is not known.
        healthz: what /healthz answered.
        nodes: what the control server knows.
        peer: what the peer knows, and its ping.
        log: what the service's log says.
        networks: as in `Sources`.
        since_ns: from when on the networks are known, ns of the one clock.
    """

    service: Condition | Missing
    addresses: tuple[str, ...]
    healthz: Round[Healthz] | Missing | None
    nodes: Round[tuple[TailnetNode, ...]] | Missing | None
    peer: Round[Pinged] | Missing | None
    log: Round[Said] | Missing | None
    networks: Networks | Missing | None
    since_ns: int
