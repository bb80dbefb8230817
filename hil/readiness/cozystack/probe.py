"""A CozyStack as a probe: its cluster's API asked in the background, judged by what is expected.

CozyStack's own test gives its releases 15 minutes
(hack/e2e-install-cozystack.bats): wait at least as long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.clock import Deadline
from hil.config.expect.cozystack import CozystackExpect
from hil.readiness.cozystack.conditions import conditions
from hil.readiness.cozystack.facts import CozystackFacts
from hil.readiness.one_source import OneSource
from hil.readiness.rounds import Missing

_EVERY = 5.0
_WITHIN = 20.0


@dataclass(frozen=True, slots=True)
class CozystackSources:
    """Whom the probe asks.

    Args:
        facts: asks the cluster one round, as `hil.readiness.cozystack.asking.ask` does; or why there is no cluster to
            ask.
    """

    facts: Callable[[CozystackExpect, Deadline], CozystackFacts] | Missing


class CozystackProbe(OneSource[CozystackExpect, CozystackFacts]):
    """Asks from its making to its close.

    Args:
        node: as the rig calls it, for whoever debugs.
        expect: what must hold of the CozyStack.
        sources: whom it asks; they stay their owner's.
    """

    def __init__(self, node: str, expect: CozystackExpect, sources: CozystackSources) -> None:
        super().__init__(f"cozystack of {node}", expect, sources.facts, conditions, every=_EVERY, within=_WITHIN)
