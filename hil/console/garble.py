"""Whether a console speaks at another speed than the line is set to: by its bytes, which are then no text.

A UART that samples a frame at the wrong moments gives bytes in which words are rare: measured over the bits of a real
boot's console and every pair of twelve speeds from 1200 to 1500000, at most 31 % of any 256 such bytes are in a run of
eight or more characters of text; of the text itself, 100 %. Which speed it was the bytes do not say for sure, so none
is named.
"""

from __future__ import annotations

import re
from typing import Final

from hil.clock import NANOSECONDS, now_ns
from hil.console.transcript import Transcript

LEAST: Final = 256
"""Bytes that are needed for a judgement."""

_MOST: Final = 1024
_TEXT_SHARE: Final = 0.5
# A boot ROM may speak at a speed of its own before the firmware does at the line's.
_PATIENCE: Final = 3.0
_WORDS: Final = re.compile(r"[^\x00-\x06\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]{8,}")


def looks_garbled(data: bytes) -> bool:
    """Whether bytes are of another speed, and not text, escape sequences among it.

    Args:
        data: what came last; of fewer than LEAST bytes nothing is said.
    """
    if len(data) < LEAST:
        return False
    # What is cut at either end is no sign of anything.
    text = data.decode("utf-8", "replace").strip("\ufffd")
    in_words = sum(len(run[0]) for run in _WORDS.finditer(text))
    return in_words < _TEXT_SHARE * len(text) or not text


class Legibility:
    """Watches one boot's console for it, until it has once been text.

    Args:
        transcript: of the console.
        after: the incarnation that was over before.
    """

    def __init__(self, transcript: Transcript, after: int) -> None:
        self._transcript = transcript
        self._after = after
        self._legible = False

    def garbled(self) -> int:
        """How many bytes came that are no text, when that has been so for seconds; 0 while all is well."""
        transcript = self._transcript
        start, end = transcript.incarnation_start, transcript.end
        if self._legible or transcript.incarnation <= self._after or end - start < LEAST:
            return 0
        if not looks_garbled(transcript.bytes(max(start, end - _MOST), end)):
            self._legible = True
            return 0
        spoken_for = now_ns() - transcript.stamp_at(start)
        return end - start if spoken_for > _PATIENCE * NANOSECONDS else 0
