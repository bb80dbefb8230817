"""What can go wrong between hil and the API of Talos, and whose fault each is. Opens no connection, finds nothing out.

How a trouble is found is in `hil.readiness.talos.diagnosis`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from hil.errors import HilError, InfrastructureError, NodeError, UsageError


class Kind(Enum):
    """What went wrong."""

    NO_DOOR = "no-door"
    REFUSED = "refused"
    NO_ROUTE = "no-route"
    NO_NAME = "no-name"
    NO_ANSWER = "no-answer"
    SILENT = "silent"
    LOST = "lost"
    NOT_TLS = "not-tls"
    OLD_TLS = "old-tls"
    NOT_HTTP2 = "not-http2"
    NOT_GRPC = "not-grpc"
    NOT_TALOS = "not-talos"
    GARBAGE = "garbage"
    STALLED = "stalled"
    CLIENT_EXPIRED = "client-certificate-expired"
    CLIENT_UNUSABLE = "client-certificate-unusable"
    CLIENT_REFUSED = "client-certificate-refused"
    CLIENT_NEEDED = "client-certificate-needed"
    OTHER_CLUSTER = "other-cluster"
    MAINTENANCE = "maintenance"
    OTHER_NAME = "other-name"
    OTHER_KEY = "other-key"
    NODE_CLOCK = "node-clock"
    HOST_CLOCK = "host-clock"
    SERVER_EXPIRED = "server-certificate-expired"
    FORBIDDEN = "forbidden"
    REFUSED_CALL = "call-refused"


_OURS = frozenset(
    {
        Kind.CLIENT_EXPIRED,
        Kind.CLIENT_UNUSABLE,
        Kind.CLIENT_NEEDED,
        Kind.OTHER_CLUSTER,
        Kind.FORBIDDEN,
        Kind.OTHER_NAME,
    }
)
_PASSING = frozenset(
    {
        Kind.NO_DOOR,
        Kind.REFUSED,
        Kind.NO_ROUTE,
        Kind.NO_ANSWER,
        Kind.SILENT,
        Kind.LOST,
        Kind.STALLED,
    }
)
_DECIDED = _OURS | {
    Kind.REFUSED,
    Kind.MAINTENANCE,
    Kind.OTHER_KEY,
    Kind.NODE_CLOCK,
    Kind.HOST_CLOCK,
    Kind.SERVER_EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong in reaching Talos, or in asking it.

    Args:
        kind: which of the things that can.
        message: what happened, where, and by what that is known.
        hint: what to do; a sentence.
        short: the message in a few words, for a table.
    """

    kind: Kind
    message: str
    hint: str
    short: str

    @property
    def passing(self) -> bool:
        """Whether it is what a machine that is still booting looks like."""
        return self.kind in _PASSING

    @property
    def decided(self) -> bool:
        """Whether it says something of the node, and not only that nothing of it could be found out."""
        return self.kind in _DECIDED

    def error(self, node: str) -> HilError:
        """It as an error: a usage error where what hil was given is wrong, the bench's for its door, else the node's.

        Args:
            node: whose API it is, for the message.
        """
        message = f"{node}: {self.message}"
        if self.kind is Kind.NO_DOOR:
            return InfrastructureError(message, hint=self.hint)
        return (UsageError if self.kind in _OURS else NodeError)(message, hint=self.hint)


def forbidden(place: str, roles: Sequence[str], what: str, needed: str, said: str) -> Trouble:
    """Talos says no to a question for want of a role.

    Args:
        place: who says so.
        roles: those of the client certificate; none in maintenance mode.
        what: what was asked for, as "reboot".
        needed: the least role that may (machinery v1.13.9, and Talos's rules for machined).
        said: Talos's own words.
    """
    who = f"the talosconfig's role is {' and '.join(roles)}" if roles else "the client certificate has no role"
    return Trouble(
        Kind.FORBIDDEN,
        f"{place} does not let hil {what}: that needs {needed}, and {who} ({said})",
        f"take a talosconfig with {needed}: `talosctl config new --roles {needed}` as an admin makes one",
        f"not allowed: needs {needed}",
    )
