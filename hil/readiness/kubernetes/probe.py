"""A node in Kubernetes as a probe: its cluster's API asked in the background, judged by what is expected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.clock import Deadline
from hil.config.expect.kubernetes import KubernetesExpect
from hil.readiness.kubernetes.conditions import conditions
from hil.readiness.kubernetes.facts import KubernetesFacts
from hil.readiness.one_source import OneSource
from hil.readiness.rounds import Missing

_EVERY = 2.0
_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class KubernetesSources:
    """Whom the probe asks.

    Args:
        facts: asks the cluster one round about the node of this name, as `hil.readiness.kubernetes.asking.ask` does;
            or why there is no cluster to ask.
    """

    facts: Callable[[str, KubernetesExpect, Deadline], KubernetesFacts] | Missing


class KubernetesProbe(OneSource[KubernetesExpect, KubernetesFacts]):
    """Asks from its making to its close.

    Args:
        node: as the rig calls it.
        expect: what must hold of it.
        sources: whom it asks; they stay their owner's.
    """

    def __init__(self, node: str, expect: KubernetesExpect, sources: KubernetesSources) -> None:
        asks = sources.facts
        super().__init__(
            f"kubernetes of {node}",
            expect,
            asks if isinstance(asks, Missing) else lambda wanted, by: asks(wanted.node or node, wanted, by),
            lambda found, wanted, at_ns: conditions(found, wanted.node or node, wanted, at_ns),
            every=_EVERY,
            within=_WITHIN,
        )
