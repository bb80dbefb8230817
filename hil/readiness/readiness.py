"""Whether a machine is what it should be: its conditions together, true only when every one of them holds.

What a test asserts on: `assert node.talos.ready(within=180)`. It is a value; it asks no machine and waits for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hil.readiness.condition import Condition, Truth

_WIDEST = 60
_COLUMNS = ("condition", "holds", "expected", "observed", "source")


@dataclass(frozen=True, slots=True, repr=False)
class Readiness:
    """What was found of a machine.

    Args:
        subject: whose, as "node1".
        conditions: what must hold, in the order in which a person reads it; none of them is no readiness.
        stopped: why waiting on was useless, or ""; what stopped a wait is never ready.
        waited: how long was waited and for what, in words, as "within 180 s"; "" where nothing was waited for.
        simulated: what of the machine is simulated, in words; "" when it is all real.
    """

    subject: str
    conditions: tuple[Condition, ...]
    stopped: str = ""
    waited: str = ""
    simulated: str = ""

    def __bool__(self) -> bool:
        return bool(self.conditions) and not self.stopped and all(condition.holds for condition in self.conditions)

    def __iter__(self) -> Iterator[Condition]:
        return iter(self.conditions)

    def __getitem__(self, name: str) -> Condition:
        """The condition of this name; KeyError when it was not asked."""
        for condition in self.conditions:
            if condition.name == name:
                return condition
        raise KeyError(name)

    def beside(self, before: Readiness) -> Readiness:
        """What was found before, with these conditions in the place of those of the same name, or after them."""
        now = {condition.name: condition for condition in self.conditions}
        kept = tuple(now.pop(condition.name, condition) for condition in before.conditions)
        return replace(self, conditions=(*kept, *now.values()))

    @property
    def lacking(self) -> tuple[Condition, ...]:
        """The conditions that do not hold, unknown ones among them."""
        return tuple(condition for condition in self.conditions if not condition.holds)

    @property
    def headline(self) -> str:
        """What came of it, on one line."""
        whose = f"{self.subject} ({self.simulated})" if self.simulated else self.subject
        count = len(self.conditions)
        if self:
            verdict = f"ready: all {count} conditions hold" if count > 1 else "ready: its condition holds"
        elif not count:
            verdict = "not ready: nothing is expected of it, so nothing was asked"
        else:
            verdict = f"not ready: {len(self.lacking)} of {count} conditions do not hold"
        waited = f", {self.waited}" if self.waited else ""
        return f"{whose}: {verdict}{waited}" + (f"; stopped: {self.stopped}" if self.stopped else "")

    def table(self) -> str:
        """The headline, and a row for each condition."""
        rows = [_COLUMNS, *(_cells(condition) for condition in self.conditions)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([self.headline, *(f"  {line.rstrip()}" for line in lines)])

    __repr__ = table

    def to_json(self, origin_ns: int | None = None) -> dict[str, object]:
        """The stable record.

        Args:
            origin_ns: power-on, ns of the one clock, from which its seconds count; None where nobody saw that.
        """
        return {
            "ready": bool(self),
            "stopped": self.stopped,
            "waited": self.waited,
            "simulated": self.simulated,
            "conditions": [condition.to_json(origin_ns) for condition in self.conditions],
        }


def _cells(condition: Condition) -> tuple[str, ...]:
    truth = condition.truth.value if condition.truth is not Truth.FALSE else "FALSE"
    return condition.name, truth, _short(condition.expected), _short(condition.observed), condition.source


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
