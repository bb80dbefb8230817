"""One node asked for `hil check`: once, until it is ready, or at each change. Shows nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from hil.checking.target import Target
from hil.clock import Deadline
from hil.once import MadeOnce
from hil.readiness.condition import Truth
from hil.readiness.panel import Panel
from hil.readiness.readiness import Readiness
from hil.readiness.rounds import Missing
from hil.readiness.talos.api import TalosApi
from hil.readiness.talos.probe import TalosProbe
from hil.readiness.waiting import until_ready
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from hil.asking.sides import Others, Sides

_ONCE = 5.0
_LOOK = 1.0
# Only Talos tells of changes by itself.
_STEP = 0.1
READY, NOT_READY, NOT_ASKED = 0, 1, 3
NO_TALOS = Missing("Talos is not asked: no talosconfig opens it", "give --talosconfig FILE")


class Asked:
    """Asks a node from its making to `close`.

    Args:
        target: which, and how.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        # Begun before all else: to connect takes as long as to learn what is expected.
        self._api = None if target.expected is None else TalosApi(target.subject, lambda: target.access)
        self._news: list[Mark] = []

    @cached_property
    def _others(self) -> list[Others]:
        """The probes of all but Talos, as far as anything is expected there."""
        return [] if self._sides is None else self._sides.others()

    @MadeOnce  # the other probes' threads ask for it too
    def _talos(self) -> TalosProbe:
        target = self.target
        return TalosProbe(target.subject, target.expect, lambda fingerprint: target.access, api=self._api)

    @cached_property
    def _sides(self) -> Sides | None:
        """Made only where more than Talos is expected: what it imports takes as long as a check of Talos."""
        target = self.target
        if not target.sections:
            return None
        from hil.asking.sides import Sides
        from hil.asking.surroundings import Surroundings

        around = target.around
        surroundings = Surroundings(
            target.name or target.subject,
            target.whole,
            lambda port, deadline: around.door(target.access.host, port, deadline),
            around.in_tailnet,
            around.kubeconfig,
            around.kube_context,
            around.networks or None,
            None if target.expected is not None else NO_TALOS,
        )
        return Sides(surroundings, lambda: self._talos)

    @cached_property
    def _panel(self) -> Panel:
        """Judges what is found; made late, as it needs `Target.expect`."""
        talos = [] if self._api is None else [self._talos]
        return Panel(self.target.subject, [*talos, *self._others], simulated=self.target.simulated)

    def once(self) -> Readiness:
        """What is found first: by a round of questions, or why there can be none."""
        deadline = Deadline.after(_ONCE)
        if self._api is not None:
            self._api.wait_for_change(deadline)  # connected, or not: the node works, and there is time for the panel
        panel = self._panel
        while not (self._is_decided() or deadline.expired):
            self._wait(deadline)
        return panel.look()

    def until_ready(self, within: float, stable_for: float) -> Readiness:
        """Wait until it is ready, and stays so.

        Args:
            within: seconds.
            stable_for: seconds without a break.

        Raises:
            UsageError: the one is not longer than the other.
        """
        return until_ready(self._panel, within=within, stable_for=stable_for, step=self._wait)

    def changing(self) -> Iterator[tuple[Readiness, list[Mark]]]:
        """What is found, now and whenever a condition changes, without end; each with what has happened before."""
        yield self.once(), self._taken()
        while True:
            self._wait(Deadline.after(_LOOK))
            if news := self._taken():
                yield self._panel.look(), news

    @property
    def trouble(self) -> tuple[str, str]:
        """Why Talos, or else something around it, could not be asked, and what to do; two times "" when it could."""
        latest = None if self._api is None else self._api.latest
        trouble = None if latest is None else latest.trouble
        if trouble is not None:
            return trouble.message, trouble.hint
        why = self._panel.broken
        return (why, "give what is missing; `hil check --help` says how") if why else ("", "")

    def exit_code(self, found: Readiness) -> int:
        """0 ready, 1 not ready, 3 it could not be asked.

        Args:
            found: what was found of it last.
        """
        if found:
            return READY
        latest = None if self._api is None else self._api.latest
        reached = latest is not None and latest.reached
        if self._panel.broken or (self._api is not None and not reached):
            return NOT_ASKED
        said = reached or any(condition.truth is Truth.FALSE for condition in found)
        return NOT_READY if said else NOT_ASKED

    def close(self) -> None:
        """Stop asking."""
        if self._sides is not None:
            self._sides.close()
        if self._api is not None:
            self._api.close()

    def _is_decided(self) -> bool:
        return self._talos_is_decided() and all(probe.asked for probe in self._others)

    def _talos_is_decided(self) -> bool:
        if self._api is None:
            return True
        latest = self._api.latest
        if latest is None or latest.trouble is None:
            return latest is not None
        return latest.reached or latest.trouble.decided or not latest.trouble.passing

    def _taken(self) -> list[Mark]:
        taken, self._news = [*self._news, *self._panel.news()], []
        return taken

    def _wait(self, deadline: Deadline) -> None:
        # What has come is taken first: else there would always be something to wake up for.
        self._news += self._panel.news()
        step = deadline.sooner(_STEP) if self._others else deadline
        if self._api is None:
            time.sleep(step.remaining() or 0.0)
        else:
            self._api.wait_for_change(step)
