"""Makes values of the objects that a cluster's API gives. Pure: whatever an object lacks, nothing is raised."""

from __future__ import annotations

from datetime import datetime

from hil.readiness.kubernetes.facts import Heartbeat, NodeFacts, SpinApp, Status
from hil.readiness.kubernetes.fields import Object, at, line, moment, number, objects, text, truth

# kubelet's nodeLeaseDurationSeconds (kubernetes v1.34.4, pkg/kubelet/apis/config/v1beta1/defaults.go).
_LEASE_LASTS = 40


def statuses(item: Object) -> dict[str, Status]:
    """The conditions of an object's status, by type."""
    return {
        text(one, "type"): Status(
            text(one, "type"),
            text(one, "status"),
            line(one, "reason"),
            line(one, "message"),
            number(one, "observedGeneration"),
        )
        for one in objects(item, "status", "conditions")
    }


def node(item: Object) -> NodeFacts:
    """A Node (k8s.io/api v0.34.4, core/v1)."""
    return NodeFacts(
        name(item),
        statuses(item),
        cordoned=truth(item, "spec", "unschedulable"),
        version=line(item, "status", "nodeInfo", "kubeletVersion"),
        architecture=line(item, "status", "nodeInfo", "architecture"),
        handlers=_handlers(item),
    )


def heartbeat(item: Object, server: datetime | None) -> Heartbeat:
    """A node's Lease.

    Args:
        item: it.
        server: the API server's clock when it answered.
    """
    lasts = number(item, "spec", "leaseDurationSeconds")
    good = lasts if lasts is not None and 0 < lasts < 1_000_000 else _LEASE_LASTS
    return Heartbeat(moment(item, "spec", "renewTime"), good, server)


def runtime_classes(items: tuple[Object, ...]) -> dict[str, str]:
    """The handler of each RuntimeClass, by name (k8s.io/api v0.34.4, node/v1)."""
    return {name(item): text(item, "handler") for item in items}


def spin_app(item: Object) -> SpinApp:
    """A SpinApp."""
    return SpinApp(
        text(item, "metadata", "namespace"),
        name(item),
        image=line(item, "spec", "image"),
        replicas=number(item, "spec", "replicas"),
        ready_replicas=number(item, "status", "readyReplicas") or 0,
        conditions=statuses(item),
    )


def name(item: Object) -> str:
    """An object's name."""
    return text(item, "metadata", "name")


def _handlers(item: Object) -> tuple[str, ...] | None:
    if not isinstance(at(item, "status", "runtimeHandlers"), list):
        return None
    return tuple(text(handler, "name") for handler in objects(item, "status", "runtimeHandlers"))
