"""A keeper in a folder of its own that ends with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.keepers import own_keeper

from hil.keeper.client import Keeper


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with own_keeper(monkeypatch) as started:
        yield started


@pytest.fixture
def bench(keeper: Keeper) -> Path:
    """The bench's private folder."""
    return keeper.directory
