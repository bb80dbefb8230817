"""What a tailscaled says of itself, of its peers and of a ping: its JSON as typed values. Asks nothing.

The fields are those of tailscale v1.102.3, ipn/ipnstate/ipnstate.go (Status, PeerStatus, PingResult). Only those that
are used are read, and one that is absent has Go's zero value, so that older and newer clients can be read too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar, cast

T = TypeVar("T")

_LONGEST = 86_400


class BackendState(StrEnum):
    """What tailscaled is doing (ipn/backend.go, State)."""

    NO_STATE = "NoState"
    IN_USE_OTHER_USER = "InUseOtherUser"
    NEEDS_LOGIN = "NeedsLogin"
    NEEDS_MACHINE_AUTH = "NeedsMachineAuth"
    STOPPED = "Stopped"
    STARTING = "Starting"
    RUNNING = "Running"
    """It has a network map, and once had a relay or a peer; it stays so whatever becomes of them later
    (ipn/ipnlocal/local.go, nextStateLocked)."""
    NEWER = ""
    """A word that is not known here."""


@dataclass(frozen=True, slots=True)
class Member:
    """One node of the tailnet, as a tailscaled knows it: itself, or a peer.

    Args:
        ident: the control server's stable name of it.
        hostname: the name that the node gave itself; not unique.
        dns_name: the unique name that the control server made of it, with the tailnet's domain, without the last dot.
        addresses: its addresses in the tailnet.
        tags: its tags, as "tag:bench".
        online: of a peer, whether the control server says that it is connected; of itself, whether it is.
        path: the UDP address by which it is reached now; "" where that is by a relay, or not at all.
        relay: the code of its home relay, as "lab".
        last_seen: when it was last connected, in UTC; None while it is online, or where that was not said.
        key_expiry: when its node key ends, in UTC; None for never.
    """

    ident: str
    hostname: str
    dns_name: str
    addresses: tuple[str, ...]
    tags: tuple[str, ...]
    online: bool
    path: str
    relay: str
    last_seen: datetime | None
    key_expiry: datetime | None


@dataclass(frozen=True, slots=True)
class TailscaleStatus:
    """What a tailscaled knows now.

    Args:
        version: its own, as "1.102.3".
        state: what it is doing.
        health: its complaints, each a sentence; none when it knows of no trouble.
        own: itself; None before it has joined.
        peers: the other nodes that it may know of.
    """

    version: str
    state: BackendState
    health: tuple[str, ...]
    own: Member | None
    peers: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Pong:
    """A ping came back.

    Args:
        latency: seconds there and back.
        endpoint: the UDP address that it came from, when the path is direct, or "".
        relay: the code of the relay by which it came, or "".
        peer_relay: the peer that relayed it, or "".
    """

    latency: float
    endpoint: str
    relay: str
    peer_relay: str

    @property
    def direct(self) -> bool:
        """Whether no relay was in between."""
        return bool(self.endpoint)

    @property
    def way(self) -> str:
        """How it came, in words; a TSMP pong does not say."""
        if self.endpoint:
            return f"direct {self.endpoint}"
        if self.relay:
            return f"by relay {self.relay}"
        return f"by peer relay {self.peer_relay}" if self.peer_relay else "by a way that it does not tell"


@dataclass(frozen=True, slots=True)
class NoPong:
    """A ping did not come back.

    Args:
        why: tailscaled's own words, or that no answer came in time.
        sent: whether it went out; False where tailscaled knows no such node, or is in no tailnet.
    """

    why: str
    sent: bool


def read_status(data: bytes) -> TailscaleStatus:
    """The answer to /localapi/v0/status.

    Raises:
        ValueError: it is something else.
    """
    top = _mapping(_document(data))
    if "BackendState" not in top:
        raise ValueError("it has no BackendState")
    state = _get(top, "BackendState", str, "")
    own = _mapping(top.get("Self"))
    return TailscaleStatus(
        version=_get(top, "Version", str, ""),
        state=BackendState(state) if state in list(BackendState) else BackendState.NEWER,
        health=_texts(top, "Health"),
        own=_member(own) if own else None,
        peers=tuple(_member(_mapping(peer)) for peer in _mapping(top.get("Peer")).values()),
    )


def read_ping(data: bytes) -> Pong | NoPong:
    """The answer to /localapi/v0/ping.

    Raises:
        ValueError: it is something else.
    """
    top = _mapping(_document(data))
    if why := _get(top, "Err", str, ""):
        return NoPong(" ".join(why.split()), sent=False)
    if "LatencySeconds" not in top:
        raise ValueError("it has no LatencySeconds")
    return Pong(
        latency=_seconds(top, "LatencySeconds"),
        endpoint=_get(top, "Endpoint", str, ""),
        relay=_get(top, "DERPRegionCode", str, "") or _region(_get(top, "DERPRegionID", int, 0)),
        peer_relay=_get(top, "PeerRelay", str, ""),
    )


def _region(number: int) -> str:
    """A relay without a code has at least a number (ipnstate.go: DERPRegionID is not 0 where a relay was used)."""
    return f"region {number}" if number else ""


def _member(node: Mapping[str, object]) -> Member:
    return Member(
        ident=_get(node, "ID", str, ""),
        hostname=_get(node, "HostName", str, ""),
        dns_name=_get(node, "DNSName", str, "").rstrip("."),
        addresses=_texts(node, "TailscaleIPs"),
        tags=_texts(node, "Tags"),
        online=_get(node, "Online", bool, False),
        path=_get(node, "CurAddr", str, ""),
        relay=_get(node, "Relay", str, ""),
        last_seen=_moment(node, "LastSeen"),
        key_expiry=_moment(node, "KeyExpiry"),
    )


def _document(data: bytes) -> object:
    try:
        return cast(object, json.loads(data))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _seconds(top: Mapping[str, object], key: str) -> float:
    value = _get(top, key, (int, float), 0)
    if not 0 <= value < _LONGEST:
        raise ValueError(f"{key} is no time that a ping takes")
    return float(value)


def _mapping(value: object) -> Mapping[str, object]:
    """A JSON object; Go writes null for one that is not there."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} where an object is due")
    return value


def _get(top: Mapping[str, object], key: str, kind: type[T] | tuple[type[T], ...], default: T) -> T:
    value = top.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{key} is {type(value).__name__}")
    return value


def _texts(top: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = top.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key} is no list of texts")
    return tuple(value)


def _moment(top: Mapping[str, object], key: str) -> datetime | None:
    """A time as Go writes it (RFC 3339); its zero, in the year 1, is none."""
    text = _get(top, key, str, "")
    if not text:
        return None
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{key} has no time zone")
    try:
        return None if found.year <= 1 else found.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{key} is out of range") from None
