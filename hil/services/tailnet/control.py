"""What a tailnet's control server knows of its nodes, whichever server it is; how one is asked is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hil.clock import Deadline


@dataclass(frozen=True, slots=True)
class TailnetNode:
    """One node, as the control server tells of it.

    Args:
        ident: the control server's own number or name of it.
        hostname: the name that the node gave itself.
        given_name: the name that the control server made of it, which no other node of the tailnet has.
        user: whom it belongs to; a node with tags may belong to nobody, "".
        addresses: its addresses in the tailnet.
        online: whether it is connected to the control server now.
        last_seen: when it was last connected, in UTC; None where the control server does not say.
        key_expiry: when its node key ends, in UTC; None for never.
        tags: its tags, as "tag:bench".
    """

    ident: int | str
    hostname: str
    given_name: str
    user: str
    addresses: tuple[str, ...]
    online: bool
    last_seen: datetime | None
    key_expiry: datetime | None
    tags: tuple[str, ...]


class ControlServer(Protocol):
    """A control server that can be asked."""

    @property
    def name(self) -> str:
        """What a message calls it, as "headscale at https://10.0.2.100:8443"."""
        ...

    def nodes(self, deadline: Deadline) -> tuple[TailnetNode, ...]:
        """All nodes of the tailnet, those that are gone and not removed too.

        Raises:
            InfrastructureError: it cannot be asked, or does not answer as it should.
        """
        ...
