"""What Talos tells besides what is observed: changes, its own events, its word on a configuration. Only values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """Something of the node is not what it was.

    Args:
        at_ns: when hil heard of it, ns of the one clock.
        what: as "talos.stage", "talos.service.kubelet" or "talos.api".
        evidence: what it was and what it is, in a few words.
        first: whether nothing was known of it before, so that it need not be new on the node.
    """

    at_ns: int
    what: str
    evidence: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class TalosEvent:
    """One event of Talos's own (machinery, api/machine, Events).

    Args:
        at_ns: when it came, ns of the one clock; those before the first question came all at once.
        id: Talos's own; they sort by age.
        kind: as "SequenceEvent" or "ServiceStateEvent".
        text: what it says, in a few words.
    """

    at_ns: int
    id: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What Talos says to a machine configuration that it was given.

    Args:
        mode: how it was, or would be, applied: as "no-reboot".
        details: Talos's own words; of a dry run what would change.
        warnings: Talos's.
    """

    mode: str
    details: str
    warnings: tuple[str, ...]
