"""The parts of a node's machine, as a test uses them: port, doors, reset. Its supply is in `hil.node.power`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hil.clock import now_ns
from hil.machine import Doors, Netboot, Nic, Reset
from hil.timeline.stages import LINK_DOWN, LINK_UP, RESET
from hil.timeline.timeline import Mark

if TYPE_CHECKING:
    from hil.node.node import Node


class NodeParts:
    """The base of `Node` that gives its machine's parts; each raises MissingPart where the machine has none."""

    @property
    def parts(self) -> frozenset[type[object]]:
        """The protocols that the machine's parts keep: `Nic in node.parts` asks."""
        machine = self._node_itself.machine
        return frozenset(machine.parts) if machine.attached else frozenset({*machine.parts, Netboot})

    @property
    def nic(self) -> Nic:
        """Its network port."""
        return self._node_itself.machine.part(Nic)  # type: ignore[type-abstract]

    def address(self, port: int) -> tuple[str, int]:
        """Where a client on the bench reaches the machine's TCP port; boots first when need be.

        Raises:
            MissingPart: no door leads there.
        """
        node = self._node_itself
        doors = node.machine.part(Doors)  # type: ignore[type-abstract]
        node.ensure()
        return doors.reach(port, deadline=node.patience.answering())

    def link(self, up: bool) -> None:
        """Plug the network cable in or pull it; the boot's timeline has it."""
        nic = self.nic
        boot, _ = self._node_itself._present()
        asked = now_ns()
        nic.link(up, deadline=self._node_itself.patience.answering())
        stage = LINK_UP if up else LINK_DOWN
        boot.timeline.add([Mark(stage.name, asked, now_ns() - asked, "hil", stage.doc)])

    def reset(self) -> None:
        """Start the machine again without taking its supply away; its next boot is on the same timeline.

        It is no death of the machine, and `wait_ready` waits for the boot that follows.
        """
        part = self._node_itself.machine.part(Reset)  # type: ignore[type-abstract]
        boot, watch = self._node_itself._present()
        self._node_itself._serve_again()
        moment = part.reset(deadline=self._node_itself.patience.answering())
        boot.timeline.add([Mark(RESET.name, moment, now_ns() - moment, "hil", "reset was asked for")])
        watch.begin_again()

    def expect_restart(self, why: str) -> None:
        """The machine is about to start again on purpose: it is no death, and its next boot is on the same timeline.

        Args:
            why: for the timeline.
        """
        boot, watch = self._node_itself._present()
        boot.timeline.add([Mark(RESET.name, now_ns(), 0, "hil", why)])
        self._node_itself._serve_again()
        watch.begin_again()

    @property
    def _node_itself(self) -> Node:
        return cast("Node", self)
