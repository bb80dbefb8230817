"""What a terminal shows of some bytes: without the breaks that a shell's line editor puts into a long line.

Linux's terminal itself echoes a line without any break. At the last column bash writes a blank and a carriage return,
busybox's ash "\\r\\r\\n" (seen on both at 80 columns), and an ash made for screens that are wider than told writes the
next character, a backspace and that character again (busybox, libbb/lineedit.c). Escape sequences are colours and
questions to the terminal (ECMA-48, 5.4). Knows no secrets.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

_BREAK: Final = re.compile(rb"\x1b\[[0-9;?]{0,16}[A-Za-z]|\r| \r|\n|\x08[ -~]")
_BEGUN: Final = re.compile(rb"(?:\x1b(?:\[[0-9;?]{0,16})?|\x08)\Z")


class Unwrapped:
    """Some bytes without breaks, and where each of the rest stood.

    Args:
        data: as they came.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.plain = _BREAK.sub(b"", data)
        self._breaks: tuple[list[int], list[int]] | None = None

    @property
    def broken(self) -> bool:
        """Whether there is any break in it."""
        return len(self.plain) != len(self.data)

    @property
    def end(self) -> int:
        """Where in `data` the last byte that is no break ends; 0 when there is none."""
        return self.place(len(self.plain) - 1) + 1 if self.plain else 0

    def place(self, index: int) -> int:
        """Where in `data` the byte `index` of `plain` stands."""
        if not self.broken:
            return index
        if self._breaks is None:
            self._breaks = self._find_breaks()
        cuts, gone = self._breaks
        before = bisect_right(cuts, index)
        return index + (gone[before - 1] if before else 0)

    def outside(self, index: int) -> int:
        """`index` of `data`, or the beginning of the break that it stands in."""
        for found in _BREAK.finditer(self.data) if self.broken and index < len(self.data) else ():
            if found.start() >= index:
                break
            if index < found.end():
                return found.start()
        return index

    def _find_breaks(self) -> tuple[list[int], list[int]]:
        """Where in `plain` breaks were, and how many bytes are gone up to each."""
        cuts, gone = [], [0]
        for found in _BREAK.finditer(self.data):
            cuts.append(found.start() - gone[-1])
            gone.append(gone[-1] + found.end() - found.start())
        return cuts, gone[1:]


def begun_break(data: bytes) -> int:
    """Where at the end of `data` a break begins that may go on; its length where none does. A blank is not looked at.

    Args:
        data: any bytes.
    """
    found = _BEGUN.search(data, max(0, len(data) - 20))
    return len(data) if found is None else found.start()
