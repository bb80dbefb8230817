"""Reads fields out of JSON that came from outside: whatever is there, no field is taken for what it is not.

A field that is missing, or is of another type, is as good as absent: "", None or an empty list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

Object: TypeAlias = Mapping[str, object]
"""A JSON object, unread."""

_LONGEST = 300


def at(value: object, *path: str) -> object:
    """What is at the end of a path of keys; None where there is nothing."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text(value: object, *path: str) -> str:
    """A text, or ""."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def line(value: object, *path: str) -> str:
    """A text on one line, cut where it is long; or ""."""
    found = " ".join(text(value, *path).split())
    return found if len(found) <= _LONGEST else found[: _LONGEST - 1] + "…"


def number(value: object, *path: str) -> int | None:
    """A whole number, or None."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def truth(value: object, *path: str) -> bool:
    """Whether it is true, and not only something like it."""
    return at(value, *path) is True


def section(value: object, *path: str) -> Object:
    """An object, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else {}


def objects(value: object, *path: str) -> list[Object]:
    """The objects of a list; what is none is left out."""
    found = at(value, *path)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def texts(value: object, *path: str) -> dict[str, str]:
    """The texts of an object, by key."""
    found = at(value, *path)
    if not isinstance(found, Mapping):
        return {}
    return {str(key): item for key, item in found.items() if isinstance(item, str)}


def moment(value: object, *path: str) -> datetime | None:
    """A time of RFC 3339, in UTC; None where there is none.

    Kubernetes writes Time in whole seconds and MicroTime in microseconds, both with a Z (apimachinery, meta/v1).
    """
    try:
        found = datetime.fromisoformat(text(value, *path))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
