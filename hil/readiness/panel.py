"""All probes of one machine together: what they find now, and a mark for each condition that changes.

Each probe asks in the background, so nothing here waits (see `hil.readiness.waiting`). A change between two looks that
a probe saw itself comes as its own mark: flapping is seen however seldom one looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from hil.clock import now_ns
from hil.readiness.condition import Condition, Truth
from hil.readiness.readiness import Readiness
from hil.timeline.timeline import Mark

E = TypeVar("E")


class Probe(Protocol):
    """Asks one side of a machine, in the background, from its making to its close."""

    def look(self) -> tuple[Condition, ...]:
        """What must hold, by what was last found; without waiting. What could not be asked is unknown."""
        ...

    def news(self) -> list[Mark]:
        """What it saw happen since the last call, each with its own moment."""
        ...

    @property
    def hopeless(self) -> str:
        """Why no waiting will make it ready, or ""."""
        ...

    @property
    def broken(self) -> str:
        """Why the bench cannot ask what it should, whatever the machine does, or ""."""
        ...

    @property
    def simulated(self) -> str:
        """What of the machine is simulated by its own word, or ""."""
        ...

    def begin_again(self) -> None:
        """The machine starts anew: what was found of it before no longer counts."""
        ...

    def close(self) -> None:
        """Stop asking; returns when nothing of it runs any more."""
        ...


class Judge(Probe, Protocol[E]):
    """A probe whose findings can be judged by other expectations than its own."""

    expect: E

    def look_for(self, expect: E, since_ns: int = 0) -> tuple[Condition, ...]:
        """What must hold by other expectations.

        Args:
            expect: they.
            since_ns: what was asked before that moment, ns of the one clock, is unknown.
        """
        ...

    def cannot_ask(self, expect: E) -> str:
        """Why the bench can never say that all of this holds, whatever the machine does, or ""."""
        ...

    def ask_now(self) -> None:
        """Ask anew at once, where anybody can answer yet."""
        ...


class Panel:
    """The probes of one machine.

    Args:
        subject: whose, as "node1".
        probes: they belong to the panel from now on.
        simulated: what of the machine is known to be simulated, in words; "" where only its own word tells.
    """

    def __init__(self, subject: str, probes: Sequence[Probe], *, simulated: str = "") -> None:
        self._subject = subject
        self._probes = tuple(probes)
        self._simulated = simulated
        self._before: dict[str, Truth] = {}

    def look(self) -> Readiness:
        """What was last found of the machine, without waiting."""
        conditions = tuple(condition for probe in self._probes for condition in probe.look())
        said = next((words for probe in self._probes if (words := probe.simulated)), "")
        return Readiness(self._subject, conditions, simulated=self._simulated or said)

    def news(self) -> list[Mark]:
        """Marks since the last call: what the probes saw, and each condition that is not what it was.

        A condition begins as unknown, so one that has not been asked yet is no news.
        """
        marks = [mark for probe in self._probes for mark in probe.news()]
        for condition in self.look():
            before = self._before.get(condition.name, Truth.UNKNOWN)
            if condition.truth is not before:
                self._before[condition.name] = condition.truth
                marks.append(_mark(condition))
        return marks

    @property
    def hopeless(self) -> str:
        """Why no waiting will make the machine ready, or ""."""
        return next((why for probe in self._probes if (why := probe.hopeless)), "")

    @property
    def broken(self) -> str:
        """Why the bench cannot say whether the machine is ready, when nothing else stands in the way; or ""."""
        whys: list[str] = []
        for probe in self._probes if any(probe.broken for probe in self._probes) else ():
            lacking = [condition for condition in probe.look() if not condition.holds]
            if lacking and not (probe.broken and all(condition.truth is Truth.UNKNOWN for condition in lacking)):
                return ""
            whys += [probe.broken] if lacking else []
        return "; ".join(whys)

    def begin_again(self) -> None:
        """The machine starts anew: every condition is unknown until it was asked once more."""
        for probe in self._probes:
            probe.begin_again()

    def close(self) -> None:
        """Stop asking."""
        for probe in self._probes:
            probe.close()


def _mark(condition: Condition) -> Mark:
    now = now_ns()
    at = now if condition.at_ns is None else condition.at_ns
    evidence = f"{condition.truth.value}: {condition.observed}"
    return Mark(condition.name, at, now - at, condition.source, evidence)
