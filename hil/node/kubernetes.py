"""A node in its cluster, as a test uses it. What is asked and how stands in `hil.readiness.kubernetes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.config.expect import KubernetesExpect, overridden
from hil.node.side import NodeSide

if TYPE_CHECKING:
    from hil.clock import Deadline
    from hil.node.node import Node
    from hil.readiness.readiness import Readiness


class NodeKubernetes(NodeSide[KubernetesExpect]):
    """What `node.kubernetes` is.

    Args:
        node: whose.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(node, lambda: node.asking.sides.kubernetes)

    def ready(
        self, within: float | Deadline | None = None, *, stable_for: float = 0.0, **expected: object
    ) -> Readiness:
        """Wait until the node's cluster says that it is Ready, and what is expected besides holds.

        Args:
            within: seconds or a deadline; the rig's `boot_within` when not given.
            stable_for: seconds for which all of it must hold without a break; they count within `within`.
            expected: keys of `expect: {kubernetes: ...}` that hold instead of the rig's, as version="v1.34.4".

        Returns:
            true only when every condition holds; its repr is the table of conditions.

        Raises:
            InfrastructureError: the bench failed.
            UsageError: there is no such key, or its value cannot be.
        """
        return self._wait_for(lambda expect: overridden(expect, expected), within, stable_for)
