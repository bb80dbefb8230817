"""Something that listens in the background, from `async with` to its end. To what, and why, its classes know."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Listener(ABC):
    """Listens while it is open. What its listening raised, its end raises."""

    def __init__(self) -> None:
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listening is not None
        self._listening.cancel()
        [ended] = await asyncio.gather(self._listening, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended

    @abstractmethod
    async def _listen(self) -> None: ...
