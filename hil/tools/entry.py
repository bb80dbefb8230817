"""What the cache writes down of a named thing: where it came from, how it was made, how to know it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

SCHEMA = "hil.cache-entry/1"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one named thing in the cache.

    Args:
        name: what it is called.
        key: what it was made from; another key means that it must be made again.
        kind: one file, or a folder.
        digest: sha256, hex: of the bytes of a file, or of a folder's listing (`hil.tools.digest`).
        size: bytes of content.
        origin: where it came from, for a person.
        how: how it was made, for a person.
        made: when, in whole seconds since 1970.
        facts: what else is to be remembered, as versions.
        watched: for each file that a look-up checks, size in bytes and mtime in ns; "" is the file itself.
    """

    name: str
    key: str
    kind: Literal["file", "tree"]
    digest: str
    size: int
    origin: str
    how: str
    made: int
    facts: Mapping[str, str] = field(default_factory=dict)
    watched: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def parse_entry(text: bytes) -> Entry | None:
    """An entry from its JSON; None when this is not one, as after a disk fault or from a later hil."""
    try:
        raw = json.loads(text)
        if raw.pop("schema") != SCHEMA or raw["kind"] not in ("file", "tree"):
            return None
        return Entry(
            name=_text(raw["name"]),
            key=_text(raw["key"]),
            kind=raw["kind"],
            digest=_text(raw["digest"]),
            size=int(raw["size"]),
            origin=_text(raw["origin"]),
            how=_text(raw["how"]),
            made=int(raw["made"]),
            facts={_text(name): _text(value) for name, value in raw["facts"].items()},
            watched={_text(path): (int(size), int(mtime)) for path, (size, mtime) in raw["watched"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def entry_json(entry: Entry) -> str:
    """The text that `parse_entry` reads."""
    return json.dumps({"schema": SCHEMA, **asdict(entry)}, indent=1) + "\n"
