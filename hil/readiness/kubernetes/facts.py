"""What a cluster says, as values: of one node, its pods, its RuntimeClasses, a SpinApp. Asks and judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hil.readiness.rounds import Missing


@dataclass(frozen=True, slots=True)
class Status:
    """One condition of an object's status (apimachinery, meta/v1: Condition; core/v1: NodeCondition).

    Args:
        type: what it is about, as "Ready".
        status: "True", "False" or "Unknown".
        reason: one word, or "".
        message: on one line, or "".
        observed_generation: of which generation of the object it speaks; None where it says none.
    """

    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int | None = None

    @property
    def words(self) -> str:
        """Reason and message, as a person reads them."""
        return ": ".join(part for part in (self.reason, self.message) if part) or "no reason given"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One Node.

    Args:
        name: as the cluster calls it.
        conditions: of its status, by type.
        cordoned: whether no new pod is placed on it (spec.unschedulable).
        version: of the kubelet, as "v1.34.4"; "" where it has not said.
        architecture: of the node, as "arm64"; "" where it has not said.
        handlers: the runtime handlers that its container runtime has (status.runtimeHandlers, since Kubernetes 1.30);
            None where it says none, as an older runtime does. The default handler's name is "".
    """

    name: str
    conditions: Mapping[str, Status]
    cordoned: bool
    version: str
    architecture: str
    handlers: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a kubelet last renewed its lease (core concept "Heartbeats"; coordination/v1: LeaseSpec).

    Args:
        renewed: that moment, by the node's clock; None where it never did.
        lasts: seconds for which a renewal is good.
        server: the API server's clock when that was asked; None where it did not say.
    """

    renewed: datetime | None
    lasts: int
    server: datetime | None

    @property
    def age(self) -> float | None:
        """Seconds since the renewal; None where that cannot be said."""
        if self.renewed is None or self.server is None:
            return None
        return (self.server - self.renewed).total_seconds()


@dataclass(frozen=True, slots=True)
class PodTrouble:
    """A pod that does not run, and why.

    Args:
        namespace, name: of the pod.
        why: in words.
        container: which of its containers it is about; "" for none.
        told_by: where more is told of it: "events", "log", or "" where all is said.
    """

    namespace: str
    name: str
    why: str
    container: str = ""
    told_by: str = ""


@dataclass(frozen=True, slots=True)
class PodsFacts:
    """Pods, judged one by one.

    Args:
        count: how many there are.
        troubles: those that do not run.
    """

    count: int
    troubles: tuple[PodTrouble, ...]


@dataclass(frozen=True, slots=True)
class SpinApp:
    """One SpinApp (spinkube/spin-operator, api/v1alpha1/spinapp_types.go).

    Args:
        namespace, name: of the object.
        image: of the application.
        replicas: how many are wanted; None where that is left to its autoscaler.
        ready_replicas: how many are ready; 0 until its status says so.
        conditions: of its status, by type: Available, Progressing.
    """

    namespace: str
    name: str
    image: str
    replicas: int | None
    ready_replicas: int
    conditions: Mapping[str, Status]


@dataclass(frozen=True, slots=True)
class KubernetesFacts:
    """What one round found.

    Args:
        place: who answered, as "https://10.0.0.1:6443".
        node: the node; None where the cluster has none of that name.
        others: the names of the nodes that there are, where the one asked for is not.
        heartbeat: of its kubelet; None where it has no lease.
        runtime_classes: the handler of each RuntimeClass, by name.
        pods: those that were asked for.
    """

    place: str
    node: NodeFacts | Missing | None
    others: tuple[str, ...] | Missing
    heartbeat: Heartbeat | Missing | None
    runtime_classes: Mapping[str, str] | Missing
    pods: PodsFacts | Missing
