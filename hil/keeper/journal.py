"""What must still be done to the world when a bench is gone: one JSON line each, on the disk before `append` returns.

A keeper that is killed cannot do it; who sweeps its folder reads it here. What the kinds mean is their owners' affair.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.errors import InfrastructureError


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do.

    Args:
        kind: who knows how, for example a kind of power port.
        data: what that one needs to do it; no secrets.
    """

    kind: str
    data: Mapping[str, object]


class Journal:
    """An append-only file of entries.

    Args:
        path: the file; missing means no entries.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, kind: str, data: Mapping[str, object]) -> None:
        """Write one entry through to the disk.

        Raises:
            InfrastructureError: it cannot be written.
        """
        line = json.dumps({"kind": kind, "data": data}).encode() + b"\n"
        try:
            with self.path.open("ab", buffering=0) as file:
                file.write(line)
                os.fsync(file.fileno())
        except OSError as error:
            raise InfrastructureError(
                f"the journal {self.path} cannot be written: {error.strerror}",
                hint=f"free space in {self.path.parent}; without a journal nothing can be left running safely",
            ) from error

    def entries(self) -> list[Entry]:
        """All whole entries, oldest first; a line that a crash cut short is left out."""
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        found = (_parse(line) for line in lines)
        return [entry for entry in found if entry is not None]


def _parse(line: bytes) -> Entry | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match fields:
        case {"kind": str() as kind, "data": dict() as data}:
            return Entry(kind, data)
    return None
