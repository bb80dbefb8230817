"""A private place for runtime folders, keepers that end with their test, and readers of feeds."""

from __future__ import annotations

import select
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.console.stream import Chunk, Feed
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir

Reading = Callable[..., list[Chunk]]


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of our own for runtime folders; short, for unix sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def start(runtime: Path) -> Iterator[Callable[[], Keeper]]:
    """Starts keepers, which end with the test."""
    with ExitStack() as stack:

        def make() -> Keeper:
            keeper = Keeper.start(new_runtime_dir(), deadline=Deadline.after(10))
            stack.callback(keeper.end)
            return keeper

        yield make


@pytest.fixture
def keeper(start: Callable[[], Keeper]) -> Keeper:
    return start()


@pytest.fixture
def read() -> Reading:
    """`read(feed, done)`: the chunks of a feed until `done(data so far, chunks so far)`; fails after ten seconds."""

    def reading(feed: Feed, done: Callable[[bytes, list[Chunk]], bool]) -> list[Chunk]:
        chunks: list[Chunk] = []
        deadline = Deadline.after(10)
        while not done(b"".join(chunk.data for chunk in chunks), chunks):
            assert select.select([feed], [], [], deadline.remaining())[0], f"nothing more than {chunks!r:.500}"
            chunks += feed.read()
        return chunks

    return reading
