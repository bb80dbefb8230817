"""A node in Kubernetes as a probe: its cluster's API asked in the background, judged by what is expected.

Keeps the protocol `hil.readiness.panel.Probe`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.clock import Deadline
from hil.readiness.condition import Condition
from hil.readiness.kubernetes.conditions import conditions
from hil.readiness.kubernetes.facts import KubernetesFacts
from hil.readiness.rounds import Missing, Rounds
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from hil.config.expect.kubernetes import KubernetesExpect

_EVERY = 2.0
_WITHIN = 10.0
_NOT_YET = Missing("the cluster was asked and has not answered yet")


@dataclass(frozen=True, slots=True)
class KubernetesSources:
    """Whom the probe asks.

    Args:
        facts: asks the cluster one round about the node of this name, as `hil.readiness.kubernetes.asking.ask` does;
            or why there is no cluster to ask.
    """

    facts: Callable[[str, KubernetesExpect, Deadline], KubernetesFacts] | Missing


class KubernetesProbe:
    """Asks from its making to its close.

    Args:
        node: as the rig calls it.
        expect: what must hold of it.
        sources: whom it asks; they stay their owner's.
    """

    def __init__(self, node: str, expect: KubernetesExpect, sources: KubernetesSources) -> None:
        self.expect = expect
        self._name = expect.node or node
        asks = sources.facts
        self._missing = asks if isinstance(asks, Missing) else None
        self._rounds: Rounds[KubernetesFacts] | None = None
        if not isinstance(asks, Missing):
            self._rounds = Rounds(
                f"kubernetes of {node}",
                lambda deadline: asks(self._name, expect, deadline),
                every=_EVERY,
                within=_WITHIN,
            )

    def look(self) -> tuple[Condition, ...]:
        """What must hold of it, by what was last found."""
        latest = None if self._rounds is None else self._rounds.latest
        if latest is None:
            return conditions(self._missing or _NOT_YET, self._name, self.expect, None)
        return conditions(latest.found, self._name, self.expect, latest.at_ns)

    def news(self) -> list[Mark]:
        """Nothing: what changes is seen by looking."""
        return []

    @property
    def hopeless(self) -> str:
        """Nothing of this is beyond waiting: clusters are mended while one waits."""
        return ""

    @property
    def simulated(self) -> str:
        """A cluster says nothing of that."""
        return ""

    def ask_now(self) -> None:
        """Begin a round at once."""
        if self._rounds is not None:
            self._rounds.ask_now()

    def begin_again(self) -> None:
        """The machine starts anew: what was found before no longer counts."""
        if self._rounds is not None:
            self._rounds.begin_again()

    def close(self) -> None:
        """Stop asking."""
        if self._rounds is not None:
            self._rounds.close()
