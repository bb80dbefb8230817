"""Which marks of several sources are sights of one moment, and which of them comes first. Draws nothing."""

from __future__ import annotations

from typing import Final

from hil.clock import NANOSECONDS
from hil.timeline.packets.names import SOURCE as PACKETS
from hil.timeline.timeline import DNSMASQ, Mark

BESIDE: Final = (DNSMASQ, PACKETS)
"""The sources that say again, by the wire, what the machine or Matchbox says."""

# A firmware says that it has a file when it is about to go on, which is well after the last packet of it.
_AGREE_NS: Final = 1 * NANOSECONDS


def agree(one: Mark, other: Mark) -> bool:
    """Whether two moments may be one: they lie within what both may err and a second."""
    return abs(one.at_ns - other.at_ns) <= one.error_ns + other.error_ns + _AGREE_NS


class FirstSights:
    """Tells, mark by mark as they come, which are the first sight of something; the others repeat one that was told.

    A stage that a machine reaches again is news, and so is each thing that one source says of it: a mark repeats
    another source's alone, of the same stage and moment, where one of the two sources is beside the other.
    """

    def __init__(self) -> None:
        self._told: list[tuple[Mark, set[str]]] = []

    def is_first(self, mark: Mark) -> bool:
        """Whether nobody else has shown this yet. Each mark is asked about once.

        Args:
            mark: the next one.
        """
        same = [told for told in self._told if _repeats(mark, *told)]
        if not same:
            self._told.append((mark, {mark.source}))
            return True
        _, sources = min(same, key=lambda told: abs(told[0].at_ns - mark.at_ns))
        sources.add(mark.source)
        return False


def _repeats(mark: Mark, told: Mark, sources: set[str]) -> bool:
    beside = mark.source in BESIDE or told.source in BESIDE
    return beside and mark.source not in sources and mark.stage == told.stage and agree(mark, told)
