"""A keeper in a folder of its own that ends with the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.keepers import own_keeper

from hil.keeper.client import Keeper


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with own_keeper(monkeypatch) as started:
        yield started
