"""What a user can choose of a capture. Imports nothing that takes time."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Capture: TypeAlias = Literal["headers", "full", "off"]
"""headers: what boots a machine, no payloads; full: all of it, secrets that are known overwritten; off: nothing."""

CHOICES: Final[tuple[Capture, ...]] = ("headers", "full", "off")
DEFAULT: Final[Capture] = "headers"
HELP: Final = "What is kept of the machines' packets: their headers and what boots them, all, or nothing."
