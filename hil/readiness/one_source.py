"""A probe of one source that is asked in rounds for what is expected: the base of those that ask a cluster.

Keeps the protocol `hil.readiness.panel.Judge`. What is not expected is not asked, so other expectations are asked for
in rounds from the moment on at which somebody judges by them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from hil.clock import Deadline
from hil.readiness.condition import Condition
from hil.readiness.rounds import Missing, Round, Rounds
from hil.timeline.timeline import Mark

E = TypeVar("E")
F = TypeVar("F")

_NOT_YET = Missing("no answer yet")
# A person's test seldom has more than one or two; the first is the rig's own.
_MOST = 8


class OneSource(Generic[E, F]):
    """Asks from its making to its close.

    Args:
        name: of its thread, for whoever debugs.
        expect: what must hold.
        ask: asks one round for what is expected, by a deadline; or why there is nobody to ask.
        judge: makes the conditions of what was found (or why nothing was), what is expected, and when that was.
        every: seconds from one round to the next.
        within: seconds that a round may take.
    """

    simulated = ""
    hopeless = ""

    def __init__(
        self,
        name: str,
        expect: E,
        ask: Callable[[E, Deadline], F] | Missing,
        judge: Callable[[F | Missing, E, int | None], tuple[Condition, ...]],
        *,
        every: float,
        within: float,
    ) -> None:
        self.expect = expect
        self._judge = judge
        self._lock = threading.Lock()
        self._wanted: list[E] = [expect]
        self._missing = ask if isinstance(ask, Missing) else None
        self._rounds: Rounds[Sequence[tuple[E, F]]] | None = None
        if not isinstance(ask, Missing):
            self._rounds = Rounds(name, lambda by: self._ask_all(ask, by), every=every, within=within)

    def look(self) -> tuple[Condition, ...]:
        """What must hold, by what was last found."""
        return self.look_for(self.expect)

    def look_for(self, expect: E, since_ns: int = 0) -> tuple[Condition, ...]:
        """The same for other expectations.

        Args:
            expect: they.
            since_ns: what was asked before that moment, ns of the one clock, is unknown.
        """
        if self._rounds is None:
            return self._judge(self._missing or _NOT_YET, expect, None)
        latest = self._rounds.latest
        if latest is None or latest.began_ns < since_ns:
            self._want(expect)
            return self._judge(_NOT_YET, expect, None)
        return self._judged(latest, expect)

    def news(self) -> list[Mark]:
        """None: the panel sees each change of a condition, as rounds are seldom against its looks."""
        return []

    @property
    def asked(self) -> bool:
        """Whether a round is over, or none can be."""
        return self._rounds is None or self._rounds.latest is not None

    @property
    def broken(self) -> str:
        """Why there is nobody to ask, whatever the machine does, or ""."""
        return self.cannot_ask(self.expect)

    def cannot_ask(self, expect: E) -> str:
        """The same for other expectations: nobody is nobody, whatever is expected."""
        del expect
        return "" if self._missing is None else self._missing.reason

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

    def _judged(self, latest: Round[Sequence[tuple[E, F]]], expect: E) -> tuple[Condition, ...]:
        if isinstance(latest.found, Missing):
            return self._judge(latest.found, expect, latest.at_ns)
        for asked_for, facts in latest.found:
            if asked_for == expect:
                return self._judge(facts, expect, latest.at_ns)
        self._want(expect)
        return self._judge(_NOT_YET, expect, None)

    def _want(self, expect: E) -> None:
        """Have it asked for from the next round on, in the place of the oldest if they are too many."""
        with self._lock:
            if expect in self._wanted:
                return
            self._wanted = [self._wanted[0], *self._wanted[1:][2 - _MOST :], expect]
        self.ask_now()

    def _ask_all(self, ask: Callable[[E, Deadline], F], deadline: Deadline) -> Sequence[tuple[E, F]]:
        with self._lock:
            wanted = list(self._wanted)
        return [(expect, ask(expect, deadline)) for expect in wanted]
