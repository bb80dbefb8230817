"""Spin on one node as a probe: Talos, the cluster and the application asked in the background, judged together.

Keeps the protocol `hil.readiness.panel.Judge`. What is expected may change from look to look, so each thing that is
asked for has a thread of its own from the first look that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.readiness.condition import Condition
from hil.readiness.rounds import Missing, Rounds
from hil.readiness.spin.conditions import Dated, Seen, conditions
from hil.readiness.spin.facts import SpinFacts, Wanted, ask_facts
from hil.readiness.spin.serving import Asker, Served
from hil.readiness.spin.sources import SpinSources
from hil.readiness.spin.timings import Timings
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from hil.config.expect.spin import ServesExpect, SpinExpect

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

FIRST_ANSWER: Final = "spin.first-answer"
"""The mark of the first answer as expected, with the cold start where that was seen."""

# A round comes every two seconds at least; what is older than this is no answer any more.
_STALE: Final = 15.0
# A test asks for a few paths, one after the other.
_MOST_ASKED: Final = 8
_NOT_YET: Final = Missing("no answer yet")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long is asked.

    Args:
        http_every: seconds from one request to the next; cold start is known as exactly.
        facts_every: the same for the cluster and the node.
        within: seconds that a round may take.
    """

    http_every: float = 0.5
    facts_every: float = 2.0
    within: float = 5.0


class SpinProbe:
    """Asks, from its making to its close.

    Args:
        node: as the rig calls it.
        expect: what must hold of it.
        sources: whom to ask; they stay their owners'.
        pace: how often and how long.
    """

    hopeless = ""
    simulated = ""

    def __init__(self, node: str, expect: SpinExpect, sources: SpinSources, pace: Pace | None = None) -> None:
        self.expect = expect
        self._node = node
        self._sources = sources
        self._pace = pace or Pace()
        self._told = False
        self._began_ns = 0
        self._facts: _Asked[Wanted, SpinFacts] = _Asked(self._facts_rounds)
        self._up_ns: int | None = None
        self._served: _Asked[ServesExpect, Served] | Missing = self._asked_of(sources.reach)
        self.look()

    def look(self) -> tuple[Condition, ...]:
        """What must hold, by what was last found."""
        return self.look_for(self.expect)

    def look_for(self, expect: SpinExpect, since_ns: int = 0) -> tuple[Condition, ...]:
        """The same for other expectations; what nobody asked for before is asked for from now on.

        Args:
            expect: they.
            since_ns: what was asked before that moment, ns of the one clock, is unknown.
        """
        wanted = Wanted.of(expect)
        seen = Seen(
            extension=self._extension(expect, since_ns),
            facts=_NOT_YET if wanted is None else _fresh(self._facts.of(wanted), since_ns),
            served=_NOT_YET if expect.serves is None else self._answer(expect.serves, since_ns),
        )
        return conditions(seen, expect)

    @property
    def timings(self) -> Timings | None:
        """What was measured of the expected answer since the machine began; None where none is expected, or came."""
        found = _NOT_YET if self.expect.serves is None else self._answer(self.expect.serves)
        return found[0].timings if not isinstance(found, Missing) and found[0].timings.count else None

    @property
    def asked(self) -> bool:
        """Whether everything was asked once, or cannot be."""
        return all(rounds.latest is not None for rounds in self._all)

    def ask_now(self) -> None:
        """Have a round of each begin at once."""
        self._sources.ask_talos()
        for rounds in self._all:
            rounds.ask_now()

    def news(self) -> list[Mark]:
        """The first answer as expected, once; other changes are seen by looking."""
        timings = self.timings
        if timings is None or timings.first_ns is None or self._told:
            return []
        self._told = True
        cold = "" if timings.cold_start is None else f", {timings.cold_start:.2f} s after its service came to run"
        path = "" if self.expect.serves is None else self.expect.serves.path
        bound = round((timings.bound or 0.0) * NANOSECONDS)
        return [Mark(FIRST_ANSWER, timings.first_ns, bound, "http", f"the first answer to GET {path}{cold}")]

    @property
    def broken(self) -> str:
        """Why the bench can never say that all of it holds, whatever the node does, or ""."""
        return self.cannot_ask(self.expect)

    def cannot_ask(self, expect: SpinExpect) -> str:
        """The same for other expectations."""
        return "; ".join(dict.fromkeys(missing.reason for missing in self._sources.never(expect)))

    def begin_again(self) -> None:
        """The machine starts anew: what was found of it before no longer counts."""
        self._told = False
        self._up_ns = None
        self._began_ns = now_ns()
        for rounds in self._all:
            rounds.begin_again()

    def close(self) -> None:
        """Stop asking."""
        for rounds in self._all:
            rounds.close()

    @property
    def _all(self) -> Sequence[Rounds[SpinFacts] | Rounds[Served]]:
        return [*self._facts.all, *(() if isinstance(self._served, Missing) else self._served.all)]

    def _extension(self, expect: SpinExpect, since_ns: int) -> Condition | Missing:
        source = self._sources.extension
        if isinstance(source, Missing) or expect.extension is None:
            return source if isinstance(source, Missing) else _NOT_YET
        return source("spin", expect.extension, since_ns)

    def _answer(self, serves: ServesExpect, since_ns: int = 0) -> Dated[Served] | Missing:
        if isinstance(self._served, Missing):
            return self._served
        found = _fresh(self._served.of(serves), since_ns)
        if isinstance(found, Missing):
            return found
        served, at_ns = found
        if self._up_ns is None and served.timings.count and not isinstance(self._sources.started, Missing):
            self._up_ns = self._sources.started()
        return replace(served, timings=replace(served.timings, up_ns=self._up_ns)), at_ns

    def _facts_rounds(self, wanted: Wanted) -> Rounds[SpinFacts]:
        def ask(deadline: Deadline) -> SpinFacts:
            return ask_facts(self._node, wanted, self._sources, deadline)

        return Rounds(f"spin:{self._node}", ask, every=self._pace.facts_every, within=self._pace.within)

    def _asked_of(
        self, reach: Callable[[int, Deadline], tuple[str, int]] | Missing
    ) -> _Asked[ServesExpect, Served] | Missing:
        if isinstance(reach, Missing):
            return reach

        def rounds(serves: ServesExpect) -> Rounds[Served]:
            asker = Asker(serves, reach, lambda: self._began_ns)
            return Rounds(f"spin:{self._node}", asker.ask, every=self._pace.http_every, within=self._pace.within)

        return _Asked(rounds)


class _Asked(Generic[K, T]):
    """Rounds by what they ask for: begun when that is first wanted, ended when it was not for longest."""

    def __init__(self, make: Callable[[K], Rounds[T]]) -> None:
        self._make = make
        self._rounds: dict[K, Rounds[T]] = {}

    def of(self, key: K) -> Rounds[T]:
        """Those that ask for this."""
        rounds = self._rounds.pop(key, None) or self._make(key)
        self._rounds[key] = rounds
        if len(self._rounds) > _MOST_ASKED:
            self._rounds.pop(next(iter(self._rounds))).close()
        return rounds

    @property
    def all(self) -> tuple[Rounds[T], ...]:
        """All that ask now."""
        return tuple(self._rounds.values())


def _fresh(rounds: Rounds[T], since_ns: int) -> Dated[T] | Missing:
    """What the last round found where that still counts, and when; else why it is not known."""
    latest = rounds.latest
    if latest is None or latest.began_ns < since_ns:
        return _NOT_YET
    if (age := (now_ns() - latest.at_ns) / NANOSECONDS) > _STALE:
        return Missing(f"no answer for {age:.0f} s")
    return latest.found if isinstance(latest.found, Missing) else (latest.found, latest.at_ns)
