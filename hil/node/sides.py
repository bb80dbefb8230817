"""The sides of a node that a test can wait for, each by its name. Each asks only when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hil.config.expect import CozystackExpect, KubernetesExpect
from hil.node.side import NodeSide
from hil.node.spin import NodeSpin
from hil.node.tailscale import NodeTailscale
from hil.node.talos import NodeTalos

if TYPE_CHECKING:
    from hil.node.node import Node


class NodeSides:
    """The base of `Node` that names its sides."""

    @property
    def talos(self) -> NodeTalos:
        """Talos on this machine; its first question switches the machine on when need be."""
        return NodeTalos(self._node)

    @property
    def tailscale(self) -> NodeTailscale:
        """Tailscale on this machine; its first question switches the machine on when need be."""
        return NodeTailscale(self._node)

    @property
    def spin(self) -> NodeSpin:
        """Spin on this machine; its first question switches the machine on when need be."""
        return NodeSpin(self._node)

    @property
    def cozystack(self) -> NodeSide[CozystackExpect]:
        """The CozyStack of this machine's cluster, to whose readiness its own test gives 15 minutes."""
        return NodeSide(self._node, lambda: self._node.asking.sides.cozystack)

    @property
    def kubernetes(self) -> NodeSide[KubernetesExpect]:
        """This machine in its cluster; its first question switches the machine on when need be."""
        return NodeSide(self._node, lambda: self._node.asking.sides.kubernetes)

    @property
    def _node(self) -> Node:
        return cast("Node", self)
