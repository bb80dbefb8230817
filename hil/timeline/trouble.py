"""Why a boot does not get on, as whoever watches one part of the bench found out. Raises nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason, which is the bench's and not the image's.

    Args:
        name: as people call it.
        words: what was seen and what it means, without the node's name.
        hint: what to do.
    """

    name: str
    words: str
    hint: str
