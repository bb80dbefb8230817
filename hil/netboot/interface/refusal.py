"""What a user can do where the kernel shares no network port with a bench."""

from __future__ import annotations

from typing import Final

from hil.errors import InfrastructureError
from hil.netns.namespace import Refused

_NAME: Final = "name one in the rig file's `nic:` as `ip link` shows it"


def not_shared(net: Refused) -> InfrastructureError:
    """That it does not, and what to do.

    Args:
        net: the kernel's reason, or the holder's (`hil.netns.holder.lending`).
    """
    return InfrastructureError(
        f"this host does not share its network port with the bench: {net.reason}", hint=_what_to_do(net)
    )


def _what_to_do(net: Refused) -> str:
    reason = net.reason
    if not reason.startswith("interface"):
        return f"{net.what_to_do}; a port of this host is shared with root alone"
    if reason.endswith("root alone may lend it"):
        return "run as root; or take `nic: twin:lan`, which needs no port"
    if reason.endswith("there is none of that name"):
        return _NAME
    if "wireless" in reason:
        return "take a port with a cable; a board does not boot over wireless either"
    # net/core/rtnetlink.c, rtnl_newlink: EOPNOTSUPP where no driver of that kind of interface is there.
    if reason.endswith("Operation not supported"):
        module = "8021q" if ", VLAN " in reason else "macvlan"
        return f"load the kernel's {module} module (`sudo modprobe {module}`)"
    if reason.endswith("File exists"):
        return (
            "this host has that VLAN on that port itself: name its interface (as enp3s0.10) in `nic:`, without `vlan:`"
        )
    if reason.endswith("Device or resource busy"):
        return "the port is part of a bridge or a bond of this host: name that one in `nic:`"
    return _NAME
