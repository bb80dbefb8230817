"""What one console says about one switching: whether its machine lost its power with it and booted when it came back.

Pure: reads a transcript and four moments. It is the whole proof of `hil rig find`, so it is strict: a console that was
not silent without power has its power from elsewhere, and one that then says no firmware's or kernel's first words
proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from hil.clock import NANOSECONDS
from hil.console.transcript import Transcript, printable
from hil.finding.first_words import first_words, is_text, mac_addresses

# A line whose other side loses or gets its power gives a few bytes of anything.
_GLITCH: Final = 8
_LOOK: Final = 1 << 18
_SHOWN: Final = 60


class Heard(Enum):
    """What became of a console while a relay was switched."""

    REBOOTED = "was silent without power, and began anew"
    NOTHING = "said nothing after the power came"
    TALKED = "talked while the power was off"
    GARBLED = "said what is no text at this speed"
    SPOKE = "spoke, but no firmware's or kernel's first words"
    GONE = "its line went away"


@dataclass(frozen=True, slots=True)
class Cycle:
    """The moments of one switching, ns of the one clock.

    Args:
        began_ns: since when it was listened, before anything was switched.
        off_ns: the relay has been told to switch off.
        quiet_ns: from now on what hangs on it must be dark: its capacitors are empty.
        on_ns: just before it was told to switch on.
    """

    began_ns: int
    off_ns: int
    quiet_ns: int
    on_ns: int


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a console said during one switching.

    Args:
        heard: in one word.
        words: the words that say so, safe to print; "" for none.
        seconds: after the power came that they were said; 0.0 where there are none.
        macs: the addresses that it called its own, after the power came.
        was_talking: whether it said anything before the power went, so that its silence means something.
    """

    heard: Heard
    words: str = ""
    seconds: float = 0.0
    macs: tuple[str, ...] = ()
    was_talking: bool = False


def judge(transcript: Transcript, cycle: Cycle) -> Hearing:
    """What a console says about a switching.

    Args:
        transcript: all that it has said so far.
        cycle: when what was done.
    """

    def between(since_ns: int, until_ns: int) -> bytes:
        return transcript.bytes(transcript.offset_after(since_ns - 1), transcript.offset_after(until_ns - 1))

    talking = len(between(cycle.began_ns, cycle.off_ns)) > _GLITCH
    if transcript.ended:
        return Hearing(Heard.GONE, was_talking=talking)
    dark = between(cycle.quiet_ns, cycle.on_ns)
    if len(dark) > _GLITCH:
        return Hearing(Heard.TALKED, _last_line(dark), was_talking=talking)
    start = transcript.offset_after(cycle.on_ns - 1)
    after = transcript.bytes(start, min(transcript.end, start + _LOOK))
    if (first := first_words(after)) is not None:
        seconds = (transcript.stamp_at(start + first.at) - cycle.on_ns) / NANOSECONDS
        return Hearing(Heard.REBOOTED, first.words, seconds, mac_addresses(after), talking)
    if len(after) <= _GLITCH:
        return Hearing(Heard.NOTHING, was_talking=talking)
    if not is_text(after):
        return Hearing(Heard.GARBLED, was_talking=talking)
    return Hearing(Heard.SPOKE, _last_line(after), was_talking=talking)


def _last_line(data: bytes) -> str:
    lines = [line.strip() for line in printable(data).split("\n")]
    return next((line for line in reversed(lines) if line), "")[:_SHOWN]
