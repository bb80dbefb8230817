"""One side of a node, as a test waits for it: the node's console is taken in meanwhile, and a death ends the wait.

What is asked and how stands in `hil.readiness`; here is only what belongs to the node's boot and its record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from hil.clock import Deadline, now_ns
from hil.config.expect.overriding import Section, overridden
from hil.errors import InfrastructureError, NodeError
from hil.machine import Doors
from hil.readiness.condition import Truth
from hil.readiness.readiness import Readiness
from hil.readiness.waiting import until_ready

if TYPE_CHECKING:
    from hil.boot import Boot
    from hil.node.node import Node
    from hil.readiness.panel import Judge

E = TypeVar("E", bound=Section)


class NodeSide(Generic[E]):
    """What `node.talos` and its like are; a machine that is off is switched on by the first question.

    Args:
        node: whose.
        judge: what asks that side, and judges what it finds; to be had when the machine is on.
        by_doors: whether it is asked through the machine's own ports.
    """

    def __init__(self, node: Node, judge: Callable[[], Judge[E]], *, by_doors: bool = False) -> None:
        self._node = node
        self._judge = judge
        self._by_doors = by_doors

    def ready(
        self, within: float | Deadline | None = None, *, stable_for: float = 0.0, **expected: object
    ) -> Readiness:
        """Wait until that side is what is expected of it; only what is answered after this call counts.

        Args:
            within: seconds or a deadline; the rig's `boot_within` when not given.
            stable_for: seconds for which all of it must hold without a break; they count within `within`.
            expected: keys of that side's section of `expect:` that hold instead of the rig's, as version="v1.13.9".

        Returns:
            true only when every condition holds; its repr is the table of conditions.

        Raises:
            InfrastructureError: the bench failed, or cannot ask what is expected, and found nothing wrong.
            UsageError: there is no such key, or its value cannot be.
            MissingPart: it is asked through the machine's ports, and nothing leads to them.
        """
        return self._wait_for(lambda expect: overridden(expect, expected), within, stable_for)

    def _wait_for(
        self, expect: Callable[[E], E], within: float | Deadline | None, stable_for: float = 0.0
    ) -> Readiness:
        """As `ready`; `expect` makes what is expected now of what the rig expects."""
        self._must_be_reached()
        node = self._node
        boot = node.begin()
        judge = self._judge()
        wanted = expect(judge.expect)
        view = _View(node.name, judge, wanted, node.asking.simulated)
        deadline = node.patience.boot if within is None else within
        judge.ask_now()
        found = until_ready(view, within=deadline, stable_for=stable_for, step=node.attend)
        if found:
            found = self._settled(found)
        before = boot.readiness
        boot.readiness = found.beside(before) if isinstance(before, Readiness) else found
        boot.write()
        self._must_be_asked(found, judge.cannot_ask(wanted), boot)
        return found

    def _must_be_asked(self, found: Readiness, why: str, boot: Boot) -> None:
        """What the bench could not ask is no fault of the node's, unless something else was found wrong with it."""
        if why and found.lacking and all(condition.truth is Truth.UNKNOWN for condition in found.lacking):
            raise InfrastructureError(
                f"{self._node.name}: the bench cannot say whether it is ready: {why}",
                hint="mend what the reason names (`hil doctor` checks it), or expect less",
                evidence=[*found.table().splitlines(), boot.folder],
            )

    def _must_be_reached(self) -> None:
        if self._by_doors:
            self._node.machine.part(Doors)  # type: ignore[type-abstract]

    def _settled(self, found: Readiness) -> Readiness:
        """Have the node notice too, so that its boot's verdict says so; and a death of this very moment is one."""
        try:
            self._node.attend(Deadline.after(0))
        except NodeError as death:
            return replace(found, stopped=death.message)
        return found


class _View(Generic[E]):
    """One side with other expectations, from now on: what `until_ready` looks at."""

    def __init__(self, subject: str, judge: Judge[E], expect: E, simulated: str) -> None:
        self._subject = subject
        self._judge = judge
        self._expect = expect
        self._simulated = simulated
        self._since_ns = now_ns()

    def look(self) -> Readiness:
        """What was last found, judged by these expectations."""
        return Readiness(self._subject, self._judge.look_for(self._expect, self._since_ns), simulated=self._simulated)

    @property
    def hopeless(self) -> str:
        """Why no waiting will help, or ""."""
        return self._judge.hopeless or self._judge.cannot_ask(self._expect)
