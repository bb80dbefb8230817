"""A condition of Tailscale as what was observed, or as why nothing was. Judges nothing."""

from __future__ import annotations

from hil.readiness.condition import Condition, Truth
from hil.readiness.rounds import Missing


def known(name: str, expected: str, observed: str, source: str, at_ns: int, *, holds: bool) -> Condition:
    """What somebody has said, true or false; arguments as of `Condition`."""
    return Condition(name, Truth.TRUE if holds else Truth.FALSE, expected, observed, source, at_ns)


def unknown(name: str, expected: str, why: Missing, source: str) -> Condition:
    """What nobody has said, and why; on one line, as a reason may be a whole message."""
    return Condition(name, Truth.UNKNOWN, expected, " ".join(why.reason.split()), source, None)
