"""What must hold of a node in Kubernetes, judged by one round. Pure: asks nothing, and knows no more than it is given.

A node's own word for itself is old when its kubelet died: where no controller marks it unreachable yet, or ever, the
lease that its kubelet renews tells (kubernetes.io, Nodes: Heartbeats).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes.facts import Heartbeat, KubernetesFacts, NodeFacts, PodsFacts, Status
from hil.readiness.kubernetes.pods import LISTED
from hil.readiness.rounds import Missing

if TYPE_CHECKING:
    from hil.config.expect.kubernetes import KubernetesExpect

SOURCE = "kubernetes"
ARCHITECTURE = "arm64"
_READY = "registered and Ready"
# Conditions that are well when they are False (k8s.io/api v0.34.4, core/v1: NodeConditionType).
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
_MOST_NAMES = 5


def conditions(
    facts: KubernetesFacts | Missing, node: str, expect: KubernetesExpect, at_ns: int | None
) -> tuple[Condition, ...]:
    """Each thing that must hold, and whether it does.

    Args:
        facts: what the last round found, or why there was none.
        node: as the cluster calls it.
        expect: what must hold; what is not expected is not asked.
        at_ns: when that was found, ns of the one clock.
    """
    whole = _nothing(facts) if isinstance(facts, Missing) else facts
    return tuple(_Judge(whole, node, None if isinstance(facts, Missing) else at_ns).all(expect))


def _nothing(why: Missing) -> KubernetesFacts:
    return KubernetesFacts("", why, why, why, why, why)


class _Judge:
    """Judges by one round."""

    def __init__(self, facts: KubernetesFacts, node: str, at_ns: int | None) -> None:
        self._facts = facts
        self._node = node
        self._at_ns = at_ns

    def all(self, expect: KubernetesExpect) -> Iterator[Condition]:
        """The conditions, in the order in which a person reads them."""
        yield self._registered()
        if expect.version is not None:
            yield self._field("kubernetes.version", expect.version, "version")
        yield self._field("kubernetes.arch", ARCHITECTURE, "architecture")
        if expect.runtime_classes:
            yield self._classes(expect)
        if expect.pods != "none":
            yield self._pods("node's" if expect.pods == "node" else "cluster's")

    def _judged(self, name: str, expected: str, observed: str, *, holds: bool) -> Condition:
        return Condition(name, Truth.TRUE if holds else Truth.FALSE, expected, observed, SOURCE, self._at_ns)

    def _unknown(self, name: str, expected: str, why: Missing) -> Condition:
        return Condition(name, Truth.UNKNOWN, expected, why.reason, SOURCE, None)

    def _registered(self) -> Condition:
        node = self._facts.node
        if isinstance(node, Missing):
            return self._unknown("kubernetes.node", _READY, node)
        wrong = self._unregistered() if node is None else _why_not_ready(node, self._facts.heartbeat)
        return self._judged("kubernetes.node", _READY, wrong or f"{self._node} is Ready", holds=not wrong)

    def _unregistered(self) -> str:
        others = self._facts.others
        there = "" if isinstance(others, Missing) else f"; the cluster has {_some(others)}"
        return f"no node {self._node} is registered{there}"

    def _field(self, name: str, expected: str, field: str) -> Condition:
        node = self._facts.node
        if isinstance(node, Missing):
            return self._unknown(name, expected, node)
        if node is None:
            return self._unknown(name, expected, Missing(f"no node {self._node} is registered"))
        value = node.version if field == "version" else node.architecture
        return self._judged(name, expected, value or "its kubelet has not said", holds=value == expected)

    def _classes(self, expect: KubernetesExpect) -> Condition:
        name = "kubernetes.runtime-classes"
        expected = ", ".join(f"{one} → {handler}" for one, handler in expect.runtime_classes.items())
        there = self._facts.runtime_classes
        if isinstance(there, Missing):
            return self._unknown(name, expected, there)
        wrong = [
            f"{one} → {there[one] or 'no handler'}, not {handler}" if one in there else f"there is no {one}"
            for one, handler in expect.runtime_classes.items()
            if there.get(one) != handler
        ]
        return self._judged(name, expected, "; ".join(wrong) or "as expected", holds=not wrong)

    def _pods(self, whose: str) -> Condition:
        pods = self._facts.pods
        expected = f"all of the {whose} pods run"
        if isinstance(pods, Missing):
            return self._unknown("kubernetes.pods", expected, pods)
        return self._judged("kubernetes.pods", expected, _pods_words(pods), holds=not pods.troubles)


def _why_not_ready(node: NodeFacts, heartbeat: Heartbeat | Missing | None) -> str:
    """Why a node is not ready; "" when it is."""
    ready = node.conditions.get("Ready")
    if ready is None:
        return "registered, and its kubelet has not reported yet"
    if ready.status != "True":
        state = "unreachable" if ready.status == "Unknown" else "not Ready"
        return f"{state}: {ready.words}"
    if isinstance(heartbeat, Heartbeat) and heartbeat.age is not None and heartbeat.age > heartbeat.lasts:
        return f"its kubelet has not reported for {heartbeat.age:.0f} s; it said Ready before"
    pressed = [
        f"{one.type} ({one.words})" for name in _PRESSURES if _is_true(one := node.conditions.get(name)) and one
    ]
    if pressed:
        return f"Ready, but {', '.join(pressed)}"
    return "Ready, but cordoned: no new pod is placed on it" if node.cordoned else ""


def _is_true(status: Status | None) -> bool:
    return status is not None and status.status == "True"


def _pods_words(pods: PodsFacts) -> str:
    if not pods.troubles:
        return f"all {pods.count} run" if pods.count else "there are none"
    told = [f"{one.namespace}/{one.name}: {one.why}" for one in pods.troubles[:LISTED]]
    rest = len(pods.troubles) - LISTED
    more = [f"and {rest} more"] if rest > 0 else []
    return f"{len(pods.troubles)} of {pods.count} do not run: " + "; ".join([*told, *more])


def _some(names: tuple[str, ...]) -> str:
    if not names:
        return "no nodes at all"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
