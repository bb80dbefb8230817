"""A console on a feed in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.wire import Wire

from hil.console.console import Console


@pytest.fixture(scope="session")
def new_wire() -> type[Wire]:
    """The class, for tests that need one for each example."""
    return Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.hang_up()
    wire.close()


@pytest.fixture
def console(wire: Wire) -> Console:
    return Console(wire, name="n1")
