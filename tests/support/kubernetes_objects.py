"""Objects of Kubernetes as its API gives them, with what the probes read of them. Builds values and asks nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Json = Any
NODE = "node1"


def status(kind: str, truth: str, reason: str = "", message: str = "") -> Json:
    """A condition of an object's status."""
    stamp = "2026-01-01T00:00:00Z"
    return {"type": kind, "status": truth, "reason": reason, "message": message, "lastTransitionTime": stamp}


def node(name: str = NODE, *conditions: Json, spec: Json = None, **info: str) -> Json:
    """A Node that is ready, unless other conditions are given."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": spec or {},
        "status": {
            "conditions": list(conditions) or [status("Ready", "True", "KubeletReady")],
            "nodeInfo": {"kubeletVersion": "v1.34.4", "architecture": "arm64", **info},
            "runtimeHandlers": [{"name": ""}, {"name": "spin"}],
        },
    }


def lease(name: str = NODE, *, ago: float = 1.0) -> Json:
    """The lease that a node's kubelet renewed some seconds ago."""
    renewed = (datetime.now(UTC) - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed},
    }


def runtime_class(name: str = "wasmtime-spin-v2", handler: str = "spin") -> Json:
    """A RuntimeClass."""
    return {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": handler}


def waiting(reason: str, message: str = "", *, restarts: int = 0, last: Json = None) -> Json:
    """The status of a container that waits."""
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    before = {"terminated": last} if last else {}
    return {"name": "app", "ready": False, "restartCount": restarts, "state": state, "lastState": before}


def pod(
    name: str = "p", phase: str = "Running", *conditions: Json, containers: list[Json] | None = None, **status_: Json
) -> Json:
    """A pod on the node that runs and is ready, unless more is said."""
    ready = [status("Ready", "True" if phase == "Running" and containers is None else "False")]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": NODE},
        "status": {
            "phase": phase,
            "conditions": list(conditions) or ready,
            "containerStatuses": containers or [],
            **status_,
        },
    }
