"""A recording on a serial line: each one who opens it hears it from its beginning, with its times."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from hil.console.stream import Chunk
from hil.sim.replay import RecordedLine

CHUNKS = (Chunk(10**9, 1, 0, b"first\r\n"), Chunk(11 * 10**9, 1, 7, b"second\r\n"))


async def heard(path: Path, length: int) -> bytes:
    """What a line says to one who opens it."""
    line = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        data = b""
        async with asyncio.timeout(20):
            while len(data) < length:
                await asyncio.sleep(0.01)
                with suppress(BlockingIOError):
                    data += os.read(line, 4096)
        return data
    finally:
        os.close(line)


def test_each_who_opens_it_hears_all_of_it(tmp_path: Path) -> None:
    told: list[str] = []

    async def play() -> list[bytes]:
        line = RecordedLine(tmp_path / "console", CHUNKS, 10**9, speed=1000.0)
        serving = asyncio.create_task(line.serve(told.append))
        said = []
        for length in (15, 7, 15):
            said.append(await heard(tmp_path / "console", length))
            async with asyncio.timeout(20):
                while sum(line.startswith("closed") for line in told) < len(said):
                    await asyncio.sleep(0.01)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        return said

    first, second, third = asyncio.run(play())
    assert first == third == b"first\r\nsecond\r\n"
    assert second[:7] == b"first\r\n"
    assert told[:2] == ["opened: it begins", "all was said"]
    assert not (tmp_path / "console").is_symlink()


@pytest.mark.parametrize(("speed", "second"), [(1.0, b""), (1000.0, b"second\r\n")])
def test_what_was_said_later_is_said_later(tmp_path: Path, speed: float, second: bytes) -> None:
    async def play() -> bytes:
        line = RecordedLine(tmp_path / "console", CHUNKS, 10**9, speed)
        serving = asyncio.create_task(line.serve(lambda _: None))
        said = await heard(tmp_path / "console", 7 + len(second))
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        return said

    assert asyncio.run(play()) == b"first\r\n" + second
