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

_BREAK: Final = re.compile(rb"\x1b\[[0-9;?]{0,16}[A-Za-z]| ?\r|\n|\x08[ -~]")
_BEGUN: Final = re.compile(rb"(?:\x1b(?:\[[0-9;?]{0,16})?|\x08)\Z")


class Unwrapped:
    """Some bytes without breaks, and where each of the rest stood.

    Args:
        data: as they came.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.plain = _BREAK.sub(b"", data)
        self._cuts: list[int] = []
        self._gone: list[int] = []
        if self.broken:
            gone = 0
            for found in _BREAK.finditer(data):
                self._cuts.append(found.start() - gone)
                gone += found.end() - found.start()
                self._gone.append(gone)

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
        before = bisect_right(self._cuts, index)
        return index + (self._gone[before - 1] if before else 0)

    def outside(self, index: int) -> int:
        """`index` of `data`, or the beginning of the break that it stands in."""
        for found in _BREAK.finditer(self.data) if self.broken else ():
            if found.start() >= index:
                break
            if index < found.end():
                return found.start()
        return index


def begun_break(data: bytes) -> int:
    """Where at the end of `data` a break begins that may go on; its length where none does. A blank is not looked at.

    Args:
        data: any bytes.
    """
    found = _BEGUN.search(data, max(0, len(data) - 20))
    return len(data) if found is None else found.start()
