"""Answers that a program or a file gives for as long as it is the same file: asked once, then remembered."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hil.tools.cache import Cache


def remembered(cache: Cache, topic: str, path: Path, ask: Callable[[], str]) -> str:
    """What `ask` answers for the file at `path`, from memory while its size and mtime stay.

    Args:
        cache: where it is remembered; a cache that cannot be written only costs asking again.
        topic: what is asked, as a file name.
        path: the file that the answer is about.
        ask: gives the answer; what it raises is raised and not remembered.
    """
    seen = path.stat()
    identity = [str(path), seen.st_size, seen.st_mtime_ns]
    memory = cache.root / "memo" / f"{topic}.json"
    with suppress(OSError, ValueError, RecursionError):
        known = json.loads(memory.read_bytes())
        if isinstance(known, list) and known[:-1] == identity and isinstance(known[-1], str):
            return known[-1]
    answer = ask()
    with suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        draft = memory.with_name(f"{memory.name}.{os.getpid()}")
        draft.write_text(json.dumps([*identity, answer]), encoding="utf-8")
        draft.replace(memory)
    return answer
