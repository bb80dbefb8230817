"""What a node is asked by: how its ports are reached from here, its tailnet, its cluster. Asks nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from hil.clock import Deadline
from hil.config.expect import Expect
from hil.joining import InTailnet
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.sources import Networks

Door: TypeAlias = Callable[[int, Deadline], tuple[str, int]]
"""Where a TCP port of the machine is reached now, as host and port; a HilError is why it is not."""

KUBERNETES_PORT = 6443
"""Where a node of the control plane serves Kubernetes's API (Talos, machinery, constants, DefaultControlPlanePort)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One node and what stands around it.

    Args:
        node: its name: in the rig, in its tailnet, and in its cluster where nothing else is expected.
        expect: what must hold of it.
        door: leads to its ports; called in other threads.
        in_tailnet: its tailnet, asked for when somebody wants to know of Tailscale.
        kubeconfig: opens its cluster; None for the one that Talos hands out.
        context: which of its contexts; None for its own choice.
        networks: of its cluster, or None where nobody knows of them.
        no_talos: why Talos on it is not asked; None where it is.
    """

    node: str
    expect: Expect
    door: Door
    in_tailnet: Callable[[], InTailnet | Missing]
    kubeconfig: Path | None = None
    context: str | None = None
    networks: Networks | None = None
    no_talos: Missing | None = None


def cluster_networks(machine_config: str) -> Networks | None:
    """The networks of pods and services that a machine configuration names; None where it names none.

    Args:
        machine_config: it, YAML of one or several documents. What cannot be read names none.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found: dict[str, tuple[str, ...]] = {}
    try:
        documents = list(YAML(typ="safe", pure=False).load_all(machine_config))
    except (YAMLError, ValueError, RecursionError):
        return None
    for document in documents:
        network = _below(_below(document, "cluster"), "network")
        for name, key in (("pods", "podSubnets"), ("services", "serviceSubnets")):
            listed = _below(network, key)
            if isinstance(listed, list):
                found[name] = tuple(text for text in listed if isinstance(text, str))
    return found or None


def _below(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None
