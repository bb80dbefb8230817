"""The `timeline` fixture's object: the marks of whichever boot is the present one when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.node import Node
    from hil.timeline.stages import Stage
    from hil.timeline.timeline import Mark


class PresentTimeline:
    """What `hil.timeline.timeline.Timeline` answers, asked of the present boot each time.

    Each question takes in what the node said up to now, and boots it first when need be: NodeError and
    InfrastructureError as from `Node.boot`.

    Args:
        node: whose boot.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def __iter__(self) -> Iterator[Mark]:
        return iter(self._node.timeline)

    def __len__(self) -> int:
        return len(self._node.timeline)

    def first(self, stage: Stage | str) -> Mark | None:
        """The first mark of a stage, or None."""
        return self._node.timeline.first(stage)

    def seconds(self, stage: Stage | str) -> float | None:
        """Seconds from power-on to the first mark of a stage; None when it was not reached."""
        return self._node.timeline.seconds(stage)

    def since_power(self, mark: Mark) -> float:
        """Seconds from power-on to a mark."""
        return self._node.timeline.since_power(mark)

    @property
    def awaited(self) -> Stage | None:
        """The stage that has to come next, or None when all are there."""
        return self._node.timeline.awaited

    def to_json(self) -> dict[str, object]:
        """The stable record."""
        return self._node.timeline.to_json()
