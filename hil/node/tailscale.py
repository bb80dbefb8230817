"""Tailscale on a node, as a test uses it. What is asked and how stands in `hil.readiness.tailscale`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.config.expect import TailscaleExpect
from hil.node.side import NodeSide

if TYPE_CHECKING:
    from hil.clock import Deadline
    from hil.node.node import Node
    from hil.readiness.readiness import Readiness


class NodeTailscale(NodeSide[TailscaleExpect]):
    """What `node.tailscale` is.

    Args:
        node: whose.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(node, lambda: node.asking.sides.tailscale, by_doors=True)

    def online(
        self, within: float | Deadline | None = None, *, stable_for: float = 0.0, **expected: object
    ) -> Readiness:
        """Wait until the node is online in its tailnet: by its own word, the control server's, and a ping of a peer's.

        Arguments, what is returned and errors are those of `ready`.
        """
        return self.ready(within, stable_for=stable_for, **expected)
