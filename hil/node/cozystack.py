"""The CozyStack of a node's cluster, as a test uses it. What is asked and how stands in `hil.readiness.cozystack`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.config.expect import CozystackExpect, overridden
from hil.node.side import NodeSide

if TYPE_CHECKING:
    from hil.clock import Deadline
    from hil.node.node import Node
    from hil.readiness.readiness import Readiness


class NodeCozystack(NodeSide[CozystackExpect]):
    """What `node.cozystack` is.

    Args:
        node: whose.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(node, lambda: node.asking.sides.cozystack)

    def ready(
        self, within: float | Deadline | None = None, *, stable_for: float = 0.0, **expected: object
    ) -> Readiness:
        """Wait until the CozyStack is up, as its own end-to-end test waits for it: that gives it 15 minutes.

        Args:
            within: seconds or a deadline; the rig's `boot_within` when not given.
            stable_for: seconds for which all of it must hold without a break; they count within `within`.
            expected: keys of `expect: {cozystack: ...}` that hold instead of the rig's, as releases=20.

        Returns:
            true only when every condition holds; its repr is the table of conditions.

        Raises:
            InfrastructureError: the bench failed.
            UsageError: there is no such key, or its value cannot be.
        """
        return self._wait_for(lambda expect: overridden(expect, expected), within, stable_for)
