"""What a host's user can do where its kernel refuses a network of the bench's own."""

from __future__ import annotations

from typing import Final

from hil.netns.namespace import Refused

_INSTEAD: Final = "or take the segment `user`, which needs nothing"


def what_to_do(refused: Refused, *, for_guests: bool = True) -> str:
    """How a host that refuses comes to allow it, or what a rig of guests can do without: a board needs a wire."""
    advice = _advice(refused)
    return f"{advice}; {_INSTEAD}" if for_guests else advice


def _advice(refused: Refused) -> str:
    reason = refused.reason
    if reason.startswith("/dev/net/tun: No such"):
        return "load the kernel's tun module (`sudo modprobe tun`)"
    if reason == "/dev/net/tun: Operation not permitted":
        return "give the container the device (`--device /dev/net/tun`)"
    if reason.startswith("/dev/net/tun: "):
        return "run as root, or let others open it (`sudo chmod 0666 /dev/net/tun`)"
    if reason.startswith("a bridge: ") and "not permitted" not in reason:
        return "load the kernel's bridge module (`sudo modprobe bridge`)"
    return refused.what_to_do
