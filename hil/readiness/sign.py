"""A panel as the sign that a boot is at its end: keeps the protocol `hil.watched.ReadySign`. Asks nothing itself."""

from __future__ import annotations

from hil.boot import Boot
from hil.clock import now_ns
from hil.errors import InfrastructureError, NodeError
from hil.readiness.panel import Panel
from hil.readiness.readiness import Readiness
from hil.timeline.stages import READY
from hil.timeline.timeline import Mark


class PanelSign:
    """Ready when every condition of the panel holds.

    Args:
        panel: it stays its owner's.
        node: the node's name, for messages.
    """

    interval = 0.1

    def __init__(self, panel: Panel, node: str) -> None:
        self._panel = panel
        self._node = node

    def check(self, boot: Boot) -> Mark | None:
        """The mark of being ready: the moment when the last condition was seen to hold."""
        found = self._panel.look()
        boot.readiness = found
        if found:
            now = now_ns()
            at = max((condition.at_ns or now for condition in found), default=now)
            return Mark(READY.name, at, now - at, "probes", _all_hold(found))
        if why := self._panel.hopeless:
            raise NodeError(
                f"{self._node}: it cannot become ready any more: {why}",
                hint="mend what the reason names, and boot again: a configuration that is refused is explained by"
                " `hil lint config FILE`; one that cannot be had is a matter of Matchbox's group and profile",
                evidence=[*found.table().splitlines(), boot.folder],
            )
        if why := self._panel.broken:
            raise InfrastructureError(
                f"{self._node}: the bench cannot say whether it is ready: {why}",
                hint="mend what the reason names (`hil doctor` checks it), or take what cannot be asked out of"
                " `expect:`, or boot an image without it",
                evidence=[*found.table().splitlines(), boot.folder],
            )
        return None

    def news(self) -> list[Mark]:
        """Conditions that changed, and what the probes saw happen."""
        return self._panel.news()

    def begin_again(self) -> None:
        """What was found of the machine before no longer counts."""
        self._panel.begin_again()

    @property
    def awaited(self) -> str:
        """The conditions that do not hold."""
        lacking = [f"{condition.name}: {condition.observed}" for condition in self._panel.look().lacking]
        return "; ".join(lacking) or "its conditions"

    @property
    def evidence(self) -> list[str]:
        """The table of conditions."""
        return self._panel.look().table().splitlines()


def _all_hold(found: Readiness) -> str:
    return f"all {len(found.conditions)} conditions hold"
