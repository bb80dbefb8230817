"""What plays a board that has power: what it says on its UART, and does with what is typed there. No electricity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stage:
    """What a player has of the board around it.

    Args:
        say: takes the bytes that it sends on its UART.
        halted: called when it shuts itself down while its supply stays.
        tell: takes a line for a person about what it does.
    """

    say: Callable[[bytes], None]
    halted: Callable[[], None]
    tell: Callable[[str], None] = lambda _: None


class Player(Protocol):
    """A board's software; started anew at each power-on."""

    def start(self) -> None:
        """Its supply came."""
        ...

    def stop(self) -> None:
        """Its supply went: at once, in the middle of whatever it does."""
        ...

    def typed(self, data: bytes) -> None:
        """Bytes came in on its UART; also while it has no power."""
        ...

    async def close(self) -> None:
        """End it for good, and wait until what it started has ended."""
        ...
