"""Reads everything in the cache again and says what is no longer what it was. Slow on purpose; changes nothing."""

from __future__ import annotations

from typing import Literal

from hil.tools.cache import Cache
from hil.tools.digest import file_digest, tree_digest
from hil.tools.entry import Entry

Verdict = Literal["sound", "altered", "gone"]


def audit(cache: Cache, entry: Entry) -> Verdict:
    """Whether the content of an entry is there and has the digest that was written down."""
    path = cache.content(entry)
    try:
        found, _ = file_digest(path) if entry.kind == "file" else tree_digest(path)
    except OSError:
        return "gone" if not path.exists() else "altered"
    if entry.kind == "tree" and not path.is_dir():
        return "gone"
    return "sound" if found == entry.digest else "altered"
