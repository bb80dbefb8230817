"""One round of questions about one node to its cluster. Judges nothing: what could not be asked is Missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from hil.clock import Deadline
from hil.errors import HilError
from hil.readiness.kubernetes import kinds, pods, reading
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.facts import Heartbeat, KubernetesFacts, NodeFacts, PodsFacts, PodTrouble
from hil.readiness.rounds import Missing

if TYPE_CHECKING:
    from hil.config.expect.kubernetes import KubernetesExpect

T = TypeVar("T")

# Where kubelets keep their leases (k8s.io/api v0.34.4, core/v1: NamespaceNodeLease).
_LEASES = "kube-node-lease"
_NOT_ASKED = Missing("it is not asked for")


def ask(api: KubernetesApi, node: str, expect: KubernetesExpect, deadline: Deadline) -> KubernetesFacts:
    """What the cluster says of a node, and of what is expected of it.

    Args:
        api: is asked.
        node: as the cluster calls it.
        expect: what is not expected is not asked for.
        deadline: for all of it.

    Raises:
        HilError: the cluster cannot be asked at all.
    """
    found = _or_missing(lambda: _node(api, node, deadline))
    classes = _or_missing(lambda: _classes(api, deadline)) if expect.runtime_classes else _NOT_ASKED
    own = {"spec.nodeName": node} if expect.pods == "node" else {}
    its_pods = _or_missing(lambda: _pods(api, own, deadline)) if expect.pods != "none" else _NOT_ASKED
    return KubernetesFacts(
        api.place_and_clock(deadline)[0],
        node=found,
        others=_or_missing(lambda: _names(api, deadline)) if found is None else (),
        heartbeat=_or_missing(lambda: _heartbeat(api, node, deadline)) if isinstance(found, NodeFacts) else None,
        runtime_classes=classes,
        pods=its_pods,
    )


def _or_missing(question: Callable[[], T]) -> T | Missing:
    try:
        return question()
    except HilError as error:
        return Missing.of(error)


def _node(api: KubernetesApi, name: str, deadline: Deadline) -> NodeFacts | None:
    item = api.one(kinds.NODE, name, deadline)
    return None if item is None else reading.node(item)


def _names(api: KubernetesApi, deadline: Deadline) -> tuple[str, ...]:
    return tuple(sorted(reading.name(item) for item in api.all(kinds.NODE, deadline)))


def _heartbeat(api: KubernetesApi, node: str, deadline: Deadline) -> Heartbeat | None:
    item = api.one(kinds.LEASE, node, deadline, _LEASES)
    return None if item is None else reading.heartbeat(item, api.place_and_clock(deadline)[1])


def _classes(api: KubernetesApi, deadline: Deadline) -> dict[str, str]:
    return reading.runtime_classes(api.all(kinds.RUNTIME_CLASS, deadline))


def _pods(api: KubernetesApi, fields: dict[str, str], deadline: Deadline) -> PodsFacts:
    there = api.all(kinds.POD, deadline, fields=fields)
    troubles = [trouble for trouble in map(pods.trouble, there) if trouble is not None]
    told = [_told(api, trouble, deadline) for trouble in troubles[: pods.LISTED]]
    return PodsFacts(len(there), (*told, *troubles[pods.LISTED :]))


def _told(api: KubernetesApi, trouble: PodTrouble, deadline: Deadline) -> PodTrouble:
    """The trouble, with what the pod's events or its log tell of it. Who may not read them knows what is known."""
    try:
        if trouble.told_by == pods.EVENTS:
            more = api.warning(trouble.namespace, trouble.name, deadline)
        elif trouble.told_by == pods.LOG:
            more = api.last_line(trouble.namespace, trouble.name, trouble.container, deadline)
        else:
            return trouble
    except HilError:
        return trouble
    return replace(trouble, why=pods.named(f"{trouble.why}: {more}")) if more else trouble
