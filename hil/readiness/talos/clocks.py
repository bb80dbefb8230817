"""Which clock is wrong, when a certificate's dates do not fit: this host's or the node's. Reads no clock, asks nobody.

Witnesses are the talosconfig's own certificates: they were made by a machine that had the time of that day, so no
right clock is before them. A Talos node makes its own server certificate when it starts, by its own clock (machinery,
resources/secrets, API).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hil.readiness.talos.certificate import Certificate, when
from hil.readiness.talos.trouble import Kind, Trouble

_SET_HOST = "set this host's clock (timedatectl), and try again"
_SET_NODE = "see why the node has not set its clock: its NTP server, its battery, the rig's network"


def server_dates(place: str, host: datetime, server: Certificate, witnesses: tuple[Certificate, ...]) -> Trouble:
    """The node's certificate is not valid by this host's clock.

    Args:
        place: whose certificate it is.
        host: what this host's clock says.
        server: the node's certificate.
        witnesses: the talosconfig's certificates.
    """
    if (behind := _host_is_behind(place, host, witnesses)) is not None:
        return behind
    made = max((witness.not_before for witness in witnesses), default=None)
    says = f"this host's clock says {when(host)}"
    if host < server.not_before:
        ahead = span(server.not_before - host)
        return Trouble(
            Kind.NODE_CLOCK,
            f"clock skew: the certificate of {place} is valid only from {when(server.not_before)}, and {says}: the"
            f" node's clock is at least {ahead} ahead, or this host's is as much behind",
            _SET_NODE,
            f"the node's clock is {ahead} ahead",
        )
    behind_by = span(host - server.not_after)
    if made is not None and server.not_before < made - timedelta(days=1):
        return Trouble(
            Kind.NODE_CLOCK,
            f"clock skew: the node's clock is wrong: the certificate that {place} made itself is valid {server.dates},"
            f" and that is before the talosconfig's own was made ({when(made)}); {says}, so the node is at least"
            f" {behind_by} behind",
            _SET_NODE,
            f"the node's clock is {behind_by} behind",
        )
    return Trouble(
        Kind.SERVER_EXPIRED,
        f"the certificate of {place} ended at {when(server.not_after)}, and {says}: a Talos node renews it in time, so"
        f" the node's clock is {behind_by} behind, or this host's as much ahead",
        f"compare both clocks; {_SET_NODE}",
        f"its certificate ended {behind_by} ago",
    )


def client_dates(place: str, host: datetime, client: Certificate, server: Certificate | None) -> Trouble:
    """The node refuses the client certificate for its dates.

    Args:
        place: who refuses it.
        host: what this host's clock says.
        client: the client certificate.
        server: the node's, or None.
    """
    if host > client.not_after:
        return Trouble(
            Kind.CLIENT_EXPIRED,
            f"the client certificate of the talosconfig expired at {when(client.not_after)}, so {place} refuses it",
            "have a new one made: `talosctl config new` from an admin, or from the cluster's secrets",
            f"the client certificate expired at {when(client.not_after)}",
        )
    if (behind := _host_is_behind(place, host, (client,))) is not None:
        return behind
    started = "" if server is None else f"; its own certificate it made at {when(server.not_before)} by its clock"
    return Trouble(
        Kind.NODE_CLOCK,
        f"clock skew: {place} refuses the client certificate for its dates, {client.dates}, which hold by this host's"
        f" clock ({when(host)}): the node's clock is outside of them{started}",
        _SET_NODE,
        "the node's clock is outside the client certificate's dates",
    )


def _host_is_behind(place: str, host: datetime, witnesses: tuple[Certificate, ...]) -> Trouble | None:
    made = max((witness.not_before for witness in witnesses), default=None)
    if made is None or host >= made:
        return None
    behind = span(made - host)
    return Trouble(
        Kind.HOST_CLOCK,
        f"clock skew: this host's clock is wrong: it says {when(host)}, and the talosconfig for {place} was made at"
        f" {when(made)}, so the host is at least {behind} behind",
        _SET_HOST,
        f"this host's clock is {behind} behind",
    )


def span(time: timedelta) -> str:
    """A length of time in its largest unit, for messages."""
    seconds = abs(time.total_seconds())
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
