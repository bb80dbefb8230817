"""What must hold of Tailscale on a node, judged by what was last found. Pure: asks nothing.

No one of them proves that the node is reached: tailscaled's state and /healthz stay as they are when the control
server is gone or no relay answers, and the control server calls a node online whose relay is dead (measured with
tailscale v1.102.3 and headscale v0.29.2). So all are shown, and online is what holds in all of them, a ping included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from hil.readiness.condition import Condition
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.cidrs import cidrs
from hil.readiness.tailscale.facts import BY_CONTROL, BY_MAP, Facts
from hil.readiness.tailscale.health import health
from hil.readiness.tailscale.pinging import Pinged
from hil.readiness.tailscale.sources import Networks
from hil.readiness.tailscale.verdict import known, unknown
from hil.services.tailnet.control import TailnetNode
from hil.services.tailnet.status import NoPong, Pong

if TYPE_CHECKING:
    from hil.config.expect.tailscale import TailscaleExpect

_API: Final = "api"
_HTTP: Final = "healthz"
_PEER: Final = "peer"
_PATHS: Final = {"any": "a pong", "direct": "a pong without a relay", "relay": "a pong by a relay"}


def conditions(facts: Facts, expect: TailscaleExpect, now: datetime) -> tuple[Condition, ...]:
    """Each thing that must hold, and whether it does.

    Args:
        facts: what was found.
        expect: what must hold.
        now: this host's wall clock, which tells whether a key has expired.

    Returns:
        the conditions, in the order in which a person reads them: the node, the control server, a peer.
    """
    judge = _Judge(facts, now)
    found = [judge.service()]
    if expect.healthz is not None:
        found.append(judge.healthz())
    found += [judge.control(), judge.key(timedelta(seconds=expect.key_valid_for)), judge.address()]
    if expect.tags:
        found.append(judge.tags(expect.tags))
    found += [judge.ping(expect.path), health(facts)]
    networks = _networks(facts.seen.networks, expect.networks)
    if networks is not None:
        found.append(cidrs(networks, facts.seen.since_ns))
    return tuple(found)


class _Judge:
    """Judges by one set of facts."""

    def __init__(self, facts: Facts, now: datetime) -> None:
        self._facts = facts
        self._now = now

    def service(self) -> Condition:
        """Whether Talos runs the extension's service."""
        service = self._facts.seen.service
        if isinstance(service, Missing):
            return unknown("tailscale.service", "running", service, _API)
        return replace(service, name="tailscale.service")

    def healthz(self) -> Condition:
        """What the container says of itself."""
        name, expected = "tailscale.healthz", "200"
        found = self._facts.fresh(self._facts.seen.healthz)
        if isinstance(found, Missing):
            return unknown(name, expected, found, _HTTP)
        answer, at_ns = found
        return known(name, expected, answer.words, _HTTP, at_ns, holds=answer.healthy)

    def control(self) -> Condition:
        """Whether the control server has a connection to the machine's node."""
        name, expected = "tailscale.control", "online"
        found = self._facts.registration()
        if isinstance(found, Missing):
            return unknown(name, expected, found, BY_CONTROL)
        who, source, at_ns = found
        if who.node is None and source == BY_MAP:
            words = f"not in the peer's map: not joined, hidden by the policy, or of another tailnet{self._why()}"
            return unknown(name, expected, Missing(words), source)
        if who.node is None:
            words = f"no {self._facts.hostname!r} among its nodes ({who.known} in all){self._why()}"
            return known(name, expected, words, source, at_ns, holds=False)
        words = f"online as {who.node.given_name or who.node.hostname}" if who.node.online else self._gone(who.node)
        twins = f"; {who.twins}" if who.twins else ""
        return known(name, expected, words + twins, source, at_ns, holds=who.node.online)

    def key(self, at_least: timedelta) -> Condition:
        """Whether its node key is valid, and stays so for long enough."""
        name = "tailscale.key"
        expected = f"valid for {_span(at_least)}" if at_least else "valid"
        found = self._node(name, expected)
        if isinstance(found, Condition):
            return found
        node, source, at_ns = found
        if node.key_expiry is None:
            return known(name, expected, "never expires", source, at_ns, holds=True)
        left = node.key_expiry - self._now
        words = f"expires in {_span(left)}" if left > timedelta() else f"expired {_span(-left)} ago"
        return known(name, expected, words, source, at_ns, holds=left > max(at_least, timedelta()))

    def address(self) -> Condition:
        """Whether it has an address in the tailnet."""
        name, expected = "tailscale.address", "an address in the tailnet"
        found = self._node(name, expected)
        if isinstance(found, Condition):
            return found
        node, source, at_ns = found
        return known(name, expected, ", ".join(node.addresses) or "none", source, at_ns, holds=bool(node.addresses))

    def tags(self, wanted: Sequence[str]) -> Condition:
        """Whether it has the tags that policies go by."""
        name, expected = "tailscale.tags", ", ".join(wanted)
        found = self._node(name, expected)
        if isinstance(found, Condition):
            return found
        node, source, at_ns = found
        return known(
            name, expected, ", ".join(node.tags) or "none", source, at_ns, holds=set(wanted) <= set(node.tags)
        )

    def ping(self, path: str) -> Condition:
        """Whether a ping of a peer came back, and by the expected way."""
        name, expected = "tailscale.ping", _PATHS[path]
        found = self._facts.fresh(self._facts.seen.peer)
        if isinstance(found, Missing):
            return unknown(name, expected, found, _PEER)
        pinged, at_ns = found
        if (why := self._not_pinged(pinged)) or pinged.pong is None:
            return unknown(name, expected, Missing(why), _PEER)
        if isinstance(pinged.pong, NoPong):
            complaints = f"; it complains itself: {' '.join(pinged.status.health)}" if pinged.status.health else ""
            words = f"{pinged.pong.why} from {pinged.address} to {pinged.name}{complaints}"
            return known(name, expected, words, _PEER, at_ns, holds=False)
        words = f"{pinged.pong.way} to {pinged.name} in {pinged.pong.latency * 1000:.0f} ms"
        judged = known(name, expected, words, _PEER, at_ns, holds=_fits(pinged.pong, path))
        return replace(judged, figures={"latency_seconds": round(pinged.pong.latency, 6)})

    def _node(self, name: str, expected: str) -> Condition | tuple[TailnetNode, str, int]:
        """The machine's node, who tells of it, and when; or the condition that nothing is known of it."""
        found = self._facts.registration()
        if isinstance(found, Missing):
            return unknown(name, expected, found, BY_CONTROL)
        who, source, at_ns = found
        if who.node is None:
            return unknown(name, expected, Missing("it is not in the tailnet"), source)
        return who.node, source, at_ns

    def _why(self) -> str:
        """Why it has not joined, by its own log."""
        found = self._facts.fresh(self._facts.seen.log)
        if isinstance(found, Missing) or not found[0].error:
            return ""
        refusal = found[0].refusal
        return f"; {refusal.short} ({found[0].error})" if refusal is not None else f"; its log: {found[0].error}"

    def _gone(self, node: TailnetNode) -> str:
        if node.last_seen is None:
            return "offline"
        return f"offline, last seen {_span(self._now - node.last_seen)} ago"

    def _not_pinged(self, pinged: Pinged) -> str:
        """Why a peer's round says nothing of the node's being reached; "" where it does."""
        if not pinged.running:
            health = f": {' '.join(pinged.status.health)}" if pinged.status.health else ""
            return f"the peer itself is in no tailnet ({pinged.status.state.value or 'unknown state'}){health}"
        if not pinged.address:
            return "no address to ping: it is not in the tailnet"
        found = self._facts.registration()
        if not isinstance(found, Missing) and found[0].node and pinged.address not in found[0].node.addresses:
            return f"not pinged yet: {pinged.address} is another node's"
        if isinstance(pinged.pong, NoPong) and not pinged.pong.sent:
            return f"{pinged.name} could not ping {pinged.address}: {pinged.pong.why}"
        return ""


def _networks(known: Networks | Missing | None, further: Networks) -> Networks | Missing | None:
    """The cluster's networks, those that the rig adds among them; None where nobody knows of any."""
    if isinstance(known, Missing) or not further:
        return known
    return {**(known or {}), **further}


def _fits(pong: Pong, path: str) -> bool:
    return path == "any" or pong.direct is (path == "direct")


def _span(time: timedelta) -> str:
    """A time in its largest whole unit, as a person says it."""
    seconds = max(0, round(time.total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
