"""How far Talos came, by its console."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConsoleProgress:
    """x"""

    words: str = ""
    at_ns: int | None = None
