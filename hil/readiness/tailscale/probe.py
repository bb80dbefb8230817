"""Tailscale on one node as a probe: the node, the control server and a peer asked in the background, judged together.

Keeps the protocol `hil.readiness.panel.Judge`. Each of them has a thread of its own, so that one that hangs does not
keep the others from being asked, and a round of all of them takes as long as the slowest: the ping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from hil.clock import Deadline, now_ns
from hil.readiness.condition import Condition
from hil.readiness.rounds import Missing, Round, Rounds
from hil.readiness.tailscale.conditions import conditions
from hil.readiness.tailscale.facts import Facts
from hil.readiness.tailscale.healthz import Healthz, HealthzAsker
from hil.readiness.tailscale.log import LogReader, Said
from hil.readiness.tailscale.pinging import Pinged, ask_peer
from hil.readiness.tailscale.registered import registered
from hil.readiness.tailscale.sources import Seen, Sources
from hil.services.tailnet.control import TailnetNode
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from hil.config.expect.tailscale import TailscaleExpect

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long is asked.

    Args:
        every: seconds from one round to the next.
        control_every: the same for the control server: headscale v0.29.2 checks the key of its API with bcrypt, which
            took 66 ms of a CPU for each question.
        log_every: the same for the log, which the node sends anew each time.
        within: seconds that a round may take; pings that do not come back take 2.8.
        first_lines: how many lines of the log are read at first.
        next_lines: and how many each time after.
    """

    every: float = 1.0
    control_every: float = 2.0
    log_every: float = 2.0
    within: float = 4.0
    first_lines: int = 2000
    next_lines: int = 300


class TailscaleProbe:
    """Asks, from its making to its close.

    Args:
        node: the node's name: what Tailscale on it registers by, where nothing else is expected.
        expect: what must hold of it.
        sources: whom to ask; they stay their owners'.
        pace: how often and how long.
    """

    simulated = ""

    def __init__(self, node: str, expect: TailscaleExpect, sources: Sources, pace: Pace | None = None) -> None:
        self.expect = expect
        self._node = node
        self._sources = sources
        self._pace = pace = pace or Pace()
        self._since_ns = now_ns()
        self._reader = LogReader()
        self._healthz_asker = HealthzAsker()
        self._healthz: Rounds[Healthz] | Missing | None = None
        if expect.healthz is not None:
            self._healthz = self._rounds(
                sources.healthz, lambda reach, by: self._healthz_asker.ask(reach, by), pace.every
            )
        self._nodes = self._rounds(sources.control, lambda control, by: control.nodes(by), pace.control_every)
        self._log = self._rounds(sources.log, lambda log, by: self._read(log, by), pace.log_every)
        self._peer = self._rounds(sources.peer, lambda peer, by: ask_peer(peer, self._address, by), pace.every)

    def look(self) -> tuple[Condition, ...]:
        """What must hold, by what was last found."""
        return self.look_for(self.expect)

    def look_for(self, expect: TailscaleExpect, since_ns: int = 0) -> tuple[Condition, ...]:
        """The same for other expectations.

        Args:
            expect: they.
            since_ns: what was asked before that moment, ns of the one clock, is unknown.
        """
        return conditions(self._facts(expect, since_ns), expect, datetime.now(UTC))

    def ask_now(self) -> None:
        """Have a round of each begin at once."""
        self._sources.ask_talos()
        for rounds in self._all:
            rounds.ask_now()

    def news(self) -> list[Mark]:
        """None: the panel sees each change of a condition, as rounds are seldom against its looks."""
        return []

    @property
    def asked(self) -> bool:
        """Whether each of them was asked once, or cannot be."""
        return all(rounds.latest is not None for rounds in self._all)

    @property
    def hopeless(self) -> str:
        """Why no waiting will bring it online: what the control server has refused for good; or ""."""
        facts = self._facts(self.expect, 0)
        said, found = facts.fresh(facts.seen.log), facts.registration()
        if isinstance(said, Missing) or said[0].refusal is None:
            return ""
        if not isinstance(found, Missing) and found[0].node is not None and found[0].node.online:
            return ""
        refusal = said[0].refusal
        return f"Tailscale on {self._node} cannot join: {refusal.short} ({said[0].error}): {refusal.hint}"

    @property
    def broken(self) -> str:
        """Why the bench can never say that it is online, whatever the node does, or ""."""
        return self.cannot_ask(self.expect)

    def cannot_ask(self, expect: TailscaleExpect) -> str:
        """The same for other expectations."""
        return "; ".join(dict.fromkeys(missing.reason for missing in self._sources.never(expect)))

    def begin_again(self) -> None:
        """The machine starts anew: what was found of it before no longer counts."""
        self._reader = LogReader()
        self._healthz_asker = HealthzAsker()
        for rounds in self._all:
            rounds.begin_again()

    def close(self) -> None:
        """Stop asking."""
        for rounds in self._all:
            rounds.close()

    def _rounds(self, source: S | Missing, ask: Callable[[S, Deadline], T], every: float) -> Rounds[T] | Missing:
        """A thread that asks one source, or why there is none."""
        if isinstance(source, Missing):
            return source
        name = f"tailscale:{self._node}"
        return Rounds(name, lambda deadline: ask(source, deadline), every=every, within=self._pace.within)

    @property
    def _all(self) -> Sequence[Rounds[Healthz] | Rounds[tuple[TailnetNode, ...]] | Rounds[Said] | Rounds[Pinged]]:
        return [rounds for rounds in (self._healthz, self._nodes, self._log, self._peer) if isinstance(rounds, Rounds)]

    def _facts(self, expect: TailscaleExpect, since_ns: int) -> Facts:
        sources = self._sources
        seen = Seen(
            service=sources.service if isinstance(sources.service, Missing) else sources.service(since_ns),
            addresses=self._addresses(),
            healthz=_latest(self._healthz),
            nodes=_latest(self._nodes),
            peer=_latest(self._peer),
            log=_latest(self._log),
            networks=sources.networks,
            since_ns=self._since_ns,
        )
        return Facts(seen, expect.hostname or self._node, now_ns(), since_ns)

    def _addresses(self) -> tuple[str, ...]:
        addresses = self._sources.addresses
        return () if isinstance(addresses, Missing) else addresses()

    def _address(self, known_to_peer: Sequence[TailnetNode]) -> str:
        """The address to ping: in the peer's thread, so it asks nothing that waits."""
        latest = _latest(self._nodes)
        said = latest.found if isinstance(latest, Round) else latest
        nodes = known_to_peer if said is None or isinstance(said, Missing) else said
        who = registered(nodes, self.expect.hostname or self._node, self._addresses())
        return next(iter(who.node.addresses), "") if who.node is not None else ""

    def _read(self, log: Callable[[int, Deadline], bytes], deadline: Deadline) -> Said:
        reader = self._reader  # a new one comes with a new beginning, while this round may be under way
        return reader.read(log(self._pace.next_lines if reader.begun else self._pace.first_lines, deadline))


def _latest(rounds: Rounds[T] | Missing | None) -> Round[T] | Missing | None:
    return rounds.latest if isinstance(rounds, Rounds) else rounds
