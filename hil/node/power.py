"""A node's supply, as a test uses it. What is verified of it is in `hil.machine`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.boot import Boot
from hil.clock import hold

if TYPE_CHECKING:
    from hil.machine import PowerState
    from hil.node.node import Node


class NodePower:
    """The node's supply, as a test uses it: verified, and each power-on is a boot with its own record.

    Args:
        node: whose.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def on(self) -> Boot:
        """Switch on without waiting for anything the machine does; returns the new boot, or the present one."""
        node = self._node
        if node.as_it_runs:
            return node.begin()
        return node.boots[-1] if node.boots and node.runs else node._start(node.image)

    def off(self) -> None:
        """Take the supply away, with no warning to the machine. Raises MissingPart: nothing switches it."""
        power = self._node.machine.power
        self._node._on = False
        self._node._fittings.asking.end()
        power.off(deadline=self._node._fittings.patience.switching())

    def cycle(self, *, off_for: float = 0.0) -> Boot:
        """Off, stay off for `off_for` seconds, on; returns the new boot."""
        self.off()
        if off_for:
            hold(off_for)
        return self.on()

    def state(self) -> PowerState:
        """Read back from the device; UNKNOWN where it cannot tell."""
        return self._node.machine.power.state()
