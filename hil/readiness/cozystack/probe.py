"""A CozyStack as a probe: its cluster's API asked in the background, judged by what is expected.

Keeps the protocol `hil.readiness.panel.Probe`. CozyStack's own test gives its releases 15 minutes
(hack/e2e-install-cozystack.bats): wait at least as long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.clock import Deadline
from hil.readiness.condition import Condition
from hil.readiness.cozystack.conditions import conditions
from hil.readiness.cozystack.facts import CozystackFacts
from hil.readiness.rounds import Missing, Rounds
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from hil.config.expect.cozystack import CozystackExpect

_EVERY = 5.0
_WITHIN = 20.0
_NOT_YET = Missing("the cluster was asked and has not answered yet")


@dataclass(frozen=True, slots=True)
class CozystackSources:
    """Whom the probe asks.

    Args:
        facts: asks the cluster one round, as `hil.readiness.cozystack.asking.ask` does; or why there is no cluster to
            ask.
    """

    facts: Callable[[CozystackExpect, Deadline], CozystackFacts] | Missing


class CozystackProbe:
    """Asks from its making to its close.

    Args:
        node: as the rig calls it, for whoever debugs.
        expect: what must hold of the CozyStack.
        sources: whom it asks; they stay their owner's.
    """

    def __init__(self, node: str, expect: CozystackExpect, sources: CozystackSources) -> None:
        self.expect = expect
        asks = sources.facts
        self._missing = asks if isinstance(asks, Missing) else None
        self._rounds: Rounds[CozystackFacts] | None = None
        if not isinstance(asks, Missing):
            self._rounds = Rounds(
                f"cozystack of {node}", lambda deadline: asks(expect, deadline), every=_EVERY, within=_WITHIN
            )

    def look(self) -> tuple[Condition, ...]:
        """What must hold of it, by what was last found."""
        latest = None if self._rounds is None else self._rounds.latest
        if latest is None:
            return conditions(self._missing or _NOT_YET, self.expect, None)
        return conditions(latest.found, self.expect, latest.at_ns)

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
