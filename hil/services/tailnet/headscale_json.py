"""What headscale's REST API answers, as JSON: read into types. Every function raises ValueError for any other bytes.

Source: proto/headscale/v1/*.proto of headscale v0.29.2, by grpc-gateway's default JSON: names in lowerCamelCase,
64-bit numbers as text, times as RFC 3339, and fields of no value written out, so that `online` is there for a node
that is not.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from hil.services.tailnet.control import TailnetNode

# Go's zero time, which headscale takes for "no time" as well (hscontrol/types/node.go, IsExpired).
_NO_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)
_SHOWN: Final = 200


def parse_nodes(body: bytes) -> tuple[TailnetNode, ...]:
    """The nodes of the answer to GET /api/v1/node."""
    nodes = _object(body).get("nodes")
    if not isinstance(nodes, list):
        raise ValueError("it has no list `nodes`")
    return tuple(_node(_as_object(node, "a node")) for node in nodes)


def parse_user(body: bytes) -> int:
    """The number of the user in the answer to POST /api/v1/user."""
    return _number(_as_object(_object(body).get("user"), "user"), "id")


def parse_key(body: bytes) -> str:
    """The key in the answer to POST /api/v1/preauthkey."""
    key = _text(_as_object(_object(body).get("preAuthKey"), "preAuthKey"), "key")
    if not key:
        raise ValueError("the key is empty")
    return key


def parse_nothing(body: bytes) -> None:
    """An answer whose fields do not matter."""
    _object(body)


def parse_reason(body: bytes) -> str:
    """What an answer that is an error says, for a message; any bytes will do."""
    try:
        return _text(_object(body), "message")[:_SHOWN]
    except ValueError:
        return repr(body[:_SHOWN].decode("utf-8", "replace"))


def _node(fields: dict[str, object]) -> TailnetNode:
    online = fields.get("online", False)
    if not isinstance(online, bool):
        raise ValueError("online is neither true nor false")
    user = fields.get("user")
    return TailnetNode(
        ident=_number(fields, "id"),
        hostname=_text(fields, "name"),
        given_name=_text(fields, "givenName"),
        user="" if user is None else _text(_as_object(user, "user"), "name"),
        addresses=_texts(fields, "ipAddresses"),
        online=online,
        last_seen=_time(fields, "lastSeen"),
        key_expiry=_time(fields, "expiry"),
        tags=_texts(fields, "tags"),
    )


def _object(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return _as_object(document, "it")


def _as_object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object")
    return value


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is not text")
    return value


def _texts(fields: dict[str, object], name: str) -> tuple[str, ...]:
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{name} is not a list of texts")
    return tuple(value)


def _number(fields: dict[str, object], name: str) -> int:
    text = _text(fields, name)
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(1 << 64))):
        raise ValueError(f"{name} is no number")
    return int(text)


def _time(fields: dict[str, object], name: str) -> datetime | None:
    if fields.get(name) is None:
        return None
    time = datetime.fromisoformat(_text(fields, name))
    if time.tzinfo is None:
        raise ValueError(f"{name} is in no time zone")
    try:
        utc = time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{name} is out of range") from error
    return None if utc == _NO_TIME else utc
