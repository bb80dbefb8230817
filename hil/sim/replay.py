"""A recorded console on a serial line, with its times: each time that somebody opens the line, from the beginning.

Says what was recorded, whatever is typed, and knows nothing of what it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hil.clock import NANOSECONDS
from hil.console.stream import Chunk
from hil.sim.line import PtyLine

_LOOK_EVERY: Final = 0.02


class RecordedLine:
    """A serial line that says a recording. Of one event loop, which must run when it is made.

    Args:
        path: where the line is; the folder is there, the link is not.
        chunks: what is said.
        origin_ns: the moment that opening the line stands for, on the recording's clock.
        speed: 2 is twice as fast as it was.
    """

    def __init__(self, path: Path, chunks: Sequence[Chunk], origin_ns: int, speed: float) -> None:
        self._line = PtyLine(path)
        self._chunks = chunks
        self._origin = origin_ns
        self._speed = speed

    async def serve(self, tell: Callable[[str], None]) -> None:
        """Say it to each one who opens the line, one after the other, until this is cancelled.

        Args:
            tell: told when it begins, when it has ended, and when the line is closed.
        """
        try:
            while True:
                await self._until(opened=True)
                tell("opened: it begins")
                said = await self._say()
                tell("all was said" if said else "not all was said")
                await self._until(opened=False)
                tell("closed: it begins anew when it is opened again")
        finally:
            self._line.close()

    async def _say(self) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for chunk in self._chunks:
            due = began + max(0, chunk.stamp_ns - self._origin) / NANOSECONDS / self._speed
            while (left := due - loop.time()) > 0:
                await asyncio.sleep(min(left, _LOOK_EVERY))
                if not self._line.opened:
                    return False
            self._line.write(chunk.data)
        return self._line.opened

    async def _until(self, *, opened: bool) -> None:
        while self._line.opened is not opened:
            await asyncio.sleep(_LOOK_EVERY)
