"""One trouble of a Raspberry Pi on its way to its firmware, as a test has it. Asserts nothing."""

from __future__ import annotations

from dataclasses import dataclass

from hil.config.rpi import BoardModel


@dataclass(frozen=True)
class Case:
    """One trouble.

    Args:
        name: of it.
        words: a regular expression for the whole of what is said.
        hint: a part of the hint.
        uart: what the console said.
        log: what dnsmasq said, besides that it started.
        marks: other sources' stages.
        quiet: s without a word after which it has to be final; None where it is an explanation at the end alone.
        model: of the board.
    """

    name: str
    words: str
    hint: str
    uart: bytes = b""
    log: bytes = b""
    marks: tuple[str, ...] = ()
    quiet: float | None = 0.0
    model: BoardModel = "cm4"
