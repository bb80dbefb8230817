"""What a probe of Tailscale has found, made by hand: all well, but for what a test changes."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from support import fake_tailscaled

from hil.clock import NANOSECONDS, now_ns
from hil.config.expect.tailscale import TailscaleExpect
from hil.readiness.condition import Condition, Truth
from hil.readiness.rounds import Missing, Round
from hil.readiness.tailscale.conditions import conditions
from hil.readiness.tailscale.facts import Facts
from hil.readiness.tailscale.healthz import Healthz
from hil.readiness.tailscale.log import LogReader, Said
from hil.readiness.tailscale.pinging import Pinged
from hil.readiness.tailscale.sources import Seen
from hil.services.tailnet.control import TailnetNode
from hil.services.tailnet.status import NoPong, Pong, TailscaleStatus, read_status

T = TypeVar("T")

NOW = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
# One moment for all that is made and judged here: tables of cases are made long before their tests run.
MOMENT = now_ns()
NODE = TailnetNode(
    ident=2,
    hostname="node1",
    given_name="node1",
    user="bench",
    addresses=("100.64.0.2", "fd7a:115c:a1e0::2"),
    online=True,
    last_seen=NOW - timedelta(seconds=2),
    key_expiry=None,
    tags=("tag:bench",),
)
PEER = dataclasses.replace(NODE, ident=1, hostname="bench-peer", given_name="bench-peer", addresses=("100.64.0.1",))
PONG = Pong(0.022, "", "bench", "")
SILENT = NoPong("no pong within 1.6 s", sent=True)
JOINED = b"""\
boot: 2026/11/25 20:00:01 Starting tailscaled
2026/11/25 20:00:02 Switching ipn state NoState -> NeedsLogin (WantRunning=false, nm=false)
2026/11/25 20:00:03 health(warnable=warming-up): error: Tailscale is starting. Please wait.
2026/11/25 20:00:04 Switching ipn state Starting -> Running (WantRunning=true, nm=true)
"""


def round_of(found: T | Missing, *, age: float = 0.1) -> Round[T]:
    """A round that was over so many seconds ago."""
    at = MOMENT - round(age * NANOSECONDS)
    return Round(found, at - 1000, at)


def service(truth: Truth = Truth.TRUE, observed: str = "running") -> Condition:
    """What Talos's probe says of the service."""
    at = None if truth is Truth.UNKNOWN else MOMENT
    return Condition("talos.service.ext-tailscale", truth, "running", observed, "api", at)


def said(log: bytes = JOINED) -> Round[Said]:
    """What its log says."""
    return round_of(LogReader().read(log))


def peer_status(*health: str, state: str = "Running", online: bool = True) -> TailscaleStatus:
    """What the peer knows: the node among others."""
    own = fake_tailscaled.member("bench-peer", "100.64.0.1", ID="1", online=online)
    node = fake_tailscaled.member(Tags=["tag:bench"])
    document = fake_tailscaled.status(node, state=state, Health=list(health), Self=own)
    return read_status(json.dumps(document).encode())


def pinged(pong: Pong | NoPong | None = PONG, *health: str, online: bool = True) -> Round[Pinged]:
    """What the peer found."""
    return round_of(Pinged(peer_status(*health, online=online), "100.64.0.2", pong))


def seen(**changes: object) -> Seen:
    """All well, but for what is changed."""
    well = Seen(
        service=service(),
        addresses=("10.0.2.15/24",),
        healthz=round_of(Healthz(True, "200 ok")),
        nodes=round_of((PEER, NODE)),
        peer=pinged(),
        log=said(),
        networks={"pods": ("10.244.0.0/16",), "services": ("10.96.0.0/12",)},
        since_ns=MOMENT,
    )
    return dataclasses.replace(well, **changes)  # type: ignore[arg-type]


def nodes(*others: TailnetNode, **changes: object) -> Round[tuple[TailnetNode, ...]]:
    """What the control server knows, the machine's node being other than it should."""
    node = dataclasses.replace(NODE, **changes)  # type: ignore[arg-type]
    return round_of((PEER, node, *others))


def judged(found: Seen, expect: TailscaleExpect | None = None, *, since_ns: int = 0) -> dict[str, Condition]:
    """The conditions by name, without their "tailscale."."""
    facts = Facts(found, "node1", MOMENT, since_ns)
    all_of_them = conditions(facts, expect or TailscaleExpect(), NOW)
    return {condition.name.removeprefix("tailscale."): condition for condition in all_of_them}


def truths(found: dict[str, Condition]) -> dict[str, str]:
    """What does not hold, and whether it is false or unknown."""
    return {name: condition.truth.value for name, condition in found.items() if not condition.holds}
