"""What sees whether a board has power, whatever its switch says: its meter, and its console.

Each is sure of what it says or says UNKNOWN. They judge after a switching; they switch nothing.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.console.stream import Chunk
from hil.keeper.client import Keeper
from hil.power.sampler import Sampler
from hil.switching import PowerState, Seen

# A supply takes this long to come up or run empty before it is worth a look (a CM4's 5 V rail: some 10 ms).
_SETTLES: Final = 0.3
# A plug's own reading is about a second old (Shelly: power is measured once a second), so one look too many is waited.
_LAG: Final = 3.0
_QUIET: Final = 1.0
_LOOK_BACK: Final = 1 << 16
# An open line and a supply that goes give a few bytes of anything; words are more than that.
_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class MeterWitness:
    """The meter before a board's supply.

    Args:
        sampler: the one that runs now.
        name: what the rig calls the meter.
        dark_below: W below which the board is off; its supply may draw some by itself.
        off_at_least: s after which the board's capacitors are empty.
    """

    sampler: Callable[[], Sampler]
    name: str
    dark_below: float
    off_at_least: float

    def look(self, wanted: PowerState, since_ns: int, *, deadline: Deadline) -> Seen:
        """Read until the reading is as wanted, or it should have been for long."""
        sampler = self.sampler()
        patience = _SETTLES + _LAG + 2 * sampler.every + (self.off_at_least if wanted is PowerState.OFF else 0.0)
        until = deadline.sooner(patience)
        since = since_ns + round(_SETTLES * NANOSECONDS)
        seen = Seen(PowerState.UNKNOWN, f"{self.name} gives no reading")
        while (reading := sampler.wait_after(since, until)) is not None:
            since = reading.at_ns
            if reading.watts is None:
                return Seen(PowerState.UNKNOWN, f"{self.name} tells no watts")
            state = PowerState.OFF if reading.watts < self.dark_below else PowerState.ON
            seen = Seen(state, f"{self.name} reads {reading.watts:.1f} W")
            if state is wanted:
                return seen
        return seen if until is not deadline or seen.state is PowerState.UNKNOWN else self._hurried(seen)

    @staticmethod
    def _hurried(seen: Seen) -> Seen:
        """What was seen when the caller's own time was up, which is too early to be sure."""
        return Seen(PowerState.UNKNOWN, seen.words)


@dataclass(frozen=True, slots=True)
class ConsoleWitness:
    """A board's console: one that was talking and falls silent has lost its power; one that goes on has not.

    A console that was silent before proves nothing by its silence.

    Args:
        keeper: has the console.
        stream: the keeper's name for it.
        off_at_least: s after which the board's capacitors are empty, so that what is said later is said with power.
    """

    keeper: Keeper
    stream: str
    off_at_least: float

    def look(self, wanted: PowerState, since_ns: int, *, deadline: Deadline) -> Seen:
        """After a switching off alone: listen until it has been silent for a second, or speaks when it cannot."""
        unknown = Seen(PowerState.UNKNOWN, "its console says nothing either way")
        known = self.keeper.streams().get(self.stream)
        if wanted is PowerState.ON or known is None or not known.live:
            return unknown
        empty_ns = since_ns + round(self.off_at_least * NANOSECONDS)
        last_before, last_after = 0, since_ns
        with self.keeper.attach(self.stream, start=max(0, known.received - _LOOK_BACK)) as feed:
            while True:
                # Before the look: what is said while this process stands still behind it was not looked for yet.
                looked_ns = now_ns()
                for chunk in feed.read():
                    if not _has_words(chunk):
                        continue
                    if chunk.stamp_ns > empty_ns:
                        late = (chunk.stamp_ns - since_ns) / NANOSECONDS
                        return Seen(PowerState.ON, f"its console still speaks after {late:.1f} s")
                    if chunk.stamp_ns < since_ns:
                        last_before = chunk.stamp_ns
                    else:
                        last_after = chunk.stamp_ns
                quiet = Deadline(last_after + round(_QUIET * NANOSECONDS), _QUIET)
                silent = looked_ns - last_after >= _QUIET * NANOSECONDS
                if silent or deadline.expired:
                    break
                select.select([feed.fileno()], [], [], deadline.sooner(quiet.remaining() or 0.0).remaining())
        talked = since_ns - last_before < _QUIET * NANOSECONDS
        return Seen(PowerState.OFF, "its console fell silent") if talked and silent else unknown


def _has_words(chunk: Chunk) -> bool:
    return sum(0x20 <= byte < 0x7F for byte in chunk.data) >= _WORDS
