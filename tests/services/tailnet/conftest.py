"""A keeper in a folder of its own that ends with the test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    """In a short folder, for unix sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="tn-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        with Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)) as started:
            yield started


@pytest.fixture
def bench(keeper: Keeper) -> Path:
    """The bench's private folder."""
    return keeper.directory
