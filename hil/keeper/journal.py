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
        kind: who knows how, as "power".
        name: what it is called, once in a journal.
        data: what that one needs to do it; no secrets.
    """

    kind: str
    name: str
    data: Mapping[str, object]


class Journal:
    """An append-only file of entries.

    Args:
        path: the file; missing means no entries.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Entry) -> None:
        """Write one entry through to the disk; one of the same name that is there is forgotten.

        Raises:
            InfrastructureError: it cannot be written.
        """
        self._write({"kind": entry.kind, "name": entry.name, "data": entry.data})

    def strike(self, name: str) -> None:
        """An entry is done, or no longer to be done. Errors as in `append`."""
        self._write({"done": name})

    def _write(self, document: Mapping[str, object]) -> None:
        line = json.dumps(document).encode() + b"\n"
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
        """What is still to be done, oldest first; a line that a crash cut short is left out."""
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        found: dict[str, Entry] = {}
        for line in lines:
            match _parse(line):
                case {"kind": str() as kind, "name": str() as name, "data": dict() as data}:
                    found[name] = Entry(kind, name, data)
                case {"done": str() as name}:
                    found.pop(name, None)
        return list(found.values())


def _parse(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
