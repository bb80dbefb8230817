"""Whether this host allows a bridge, and what its user can do where it does not."""

from __future__ import annotations

from hil.clock import Deadline
from hil.netns.namespace import ALLOW_NAMESPACES, Plan, Refused, allowed

BRIDGE = "br0"
_INSTEAD = "or take the segment `user`, which needs nothing"


def what_to_do(refused: Refused) -> str:
    """How a host that refuses comes to allow it."""
    reason = refused.reason
    if reason.startswith("/dev/net/tun: No such"):
        return f"load the kernel's tun module (`sudo modprobe tun`), {_INSTEAD}"
    if reason == "/dev/net/tun: Operation not permitted":
        return f"give the container the device (`--device /dev/net/tun`), {_INSTEAD}"
    if reason.startswith("/dev/net/tun: "):
        return f"run as root, or let others open it (`sudo chmod 0666 /dev/net/tun`), {_INSTEAD}"
    if reason.startswith("a bridge: ") and "not permitted" not in reason:
        return f"load the kernel's bridge module (`sudo modprobe bridge`), {_INSTEAD}"
    return f"{ALLOW_NAMESPACES}; {_INSTEAD}"


def ask_host(*, deadline: Deadline) -> str:
    """In a sentence, whether a bridge is possible here: makes a small one, and ends it.

    Raises:
        InfrastructureError: nothing answers.
    """
    found = allowed(Plan(("10.0.2.100/24",), BRIDGE, ("tap0",), root=True), deadline=deadline)
    if isinstance(found, Refused):
        return f"not here ({found.reason}): {what_to_do(found)}"
    return "works, in a user namespace" if found else "works, as root"
