"""What a test holds: a machine, its boots, and what can be asked of it. Knows no rig file and no pytest."""

from __future__ import annotations

from hil.node.fittings import Fittings, OnMark
from hil.node.node import Node

__all__ = ["Fittings", "Node", "OnMark"]
