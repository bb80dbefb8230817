"""Whether this host allows a bridge, in a sentence for its user."""

from __future__ import annotations

from typing import Final

from hil.clock import Deadline
from hil.netboot.lan.opening import BRIDGE
from hil.netboot.lan.refusal import what_to_do
from hil.netns.namespace import Plan, Refused, allowed

_PLAN: Final = Plan(("10.0.2.100/24",), BRIDGE, ("tap0",), root=True)


def ask_host(*, deadline: Deadline) -> str:
    """In a sentence, whether a bridge is possible here: makes a small one, and ends it.

    Raises:
        InfrastructureError: nothing answers.
    """
    found = allowed(_PLAN, deadline=deadline)
    if isinstance(found, Refused):
        return f"not here ({found.reason}): {what_to_do(found)}"
    return "works, in a user namespace" if found else "works, as root"
