"""One node asked for `hil check`: once, until it is ready, or at each change. Shows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from hil.checking.target import Target
from hil.clock import Deadline
from hil.readiness.panel import Panel
from hil.readiness.readiness import Readiness
from hil.readiness.talos.api import TalosApi
from hil.readiness.talos.probe import TalosProbe
from hil.readiness.waiting import until_ready
from hil.timeline.timeline import Mark

_ONCE = 5.0
_LOOK = 1.0
READY, NOT_READY, NOT_ASKED = 0, 1, 3


class Asked:
    """Asks a node from its making to `close`.

    Args:
        target: which, and how.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._api = TalosApi(target.subject, lambda: target.access)
        self._news: list[Mark] = []

    @cached_property
    def _panel(self) -> Panel:
        """Judges what is found; made late, as it needs `Target.expect`."""
        target = self.target
        probe = TalosProbe(target.subject, target.expect, lambda fingerprint: target.access, api=self._api)
        return Panel(target.subject, [probe], simulated=target.simulated)

    def once(self) -> Readiness:
        """What is found first: by a round of questions, or why there can be none."""
        deadline = Deadline.after(_ONCE)
        self._api.wait_for_change(deadline)  # connected, or not: the node works now, and there is time for the panel
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
        """Why Talos could not be asked, and what to do; two times "" when it could."""
        latest = self._api.latest
        trouble = None if latest is None else latest.trouble
        return ("", "") if trouble is None else (trouble.message, trouble.hint)

    def exit_code(self, found: Readiness) -> int:
        """0 ready, 1 not ready, 3 Talos could not be asked.

        Args:
            found: what was found of it last.
        """
        if found:
            return READY
        latest = self._api.latest
        return NOT_READY if latest is not None and latest.reached else NOT_ASKED

    def close(self) -> None:
        """Stop asking."""
        self._api.close()

    def _is_decided(self) -> bool:
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
        self._api.wait_for_change(deadline)
