"""Tailscale on a node, as a test uses it. What is asked and how stands in `hil.readiness.tailscale`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.config.expect import TailscaleExpect, overridden
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
        super().__init__(node, lambda: node.asking.sides.tailscale)

    def online(
        self, within: float | Deadline | None = None, *, stable_for: float = 0.0, **expected: object
    ) -> Readiness:
        """Wait until the node is online in its tailnet: by its own word, the control server's, and a ping of a peer's.

        Args:
            within: seconds or a deadline; the rig's `boot_within` when not given.
            stable_for: seconds for which all of it must hold without a break; they count within `within`.
            expected: keys of `expect: {tailscale: ...}` that hold instead of the rig's, as path="direct".

        Returns:
            true only when every condition holds; its repr is the table of conditions. On a bench that can have no
            tailnet it is not true at once, and `stopped` says why.

        Raises:
            InfrastructureError: the bench failed.
            UsageError: there is no such key, or its value cannot be.
        """
        return self._wait_for(lambda expect: overridden(expect, expected), within, stable_for)
