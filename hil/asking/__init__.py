"""Asks a node's own interfaces, and what stands around it, whether it is what it should be.

`asking` is for a node of a bench, from power-on to power-off; `sides` makes the probes of any node, by its
`surroundings`.
"""

from hil.asking.asking import Asking, Own

__all__ = ["Asking", "Own"]
