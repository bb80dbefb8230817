"""The sides of a node that a test can wait for, each by its name. Each asks only when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hil.node.cozystack import NodeCozystack
from hil.node.kubernetes import NodeKubernetes
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
    def cozystack(self) -> NodeCozystack:
        """The CozyStack of this machine's cluster; its first question switches the machine on when need be."""
        return NodeCozystack(self._node)

    @property
    def kubernetes(self) -> NodeKubernetes:
        """This machine in its cluster; its first question switches the machine on when need be."""
        return NodeKubernetes(self._node)

    @property
    def _node(self) -> Node:
        return cast("Node", self)
