"""A keeper that starts early belongs to whoever takes it, and ends when nobody does."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import InfrastructureError
from hil.keeper.early import EarlyKeeper
from hil.keeper.runtime import live_benches

pytestmark = pytest.mark.usefixtures("runtime")


def test_who_takes_it_owns_it() -> None:
    with EarlyKeeper("my Rig!") as early:
        keeper = early.take()
    assert [bench.directory for bench in live_benches()] == [keeper.directory]
    assert keeper.directory.name.startswith("myrig-")
    keeper.close()
    assert live_benches() == []


def test_one_that_nobody_took_is_ended() -> None:
    with EarlyKeeper("virt"):
        pass
    assert live_benches() == []


def test_one_that_is_not_taken_because_of_an_error_is_ended() -> None:
    with pytest.raises(KeyError), EarlyKeeper("virt"):
        raise KeyError("the rig is broken")
    assert live_benches() == []


def test_why_it_does_not_start_is_said_to_who_asks(runtime: Path) -> None:
    (runtime / "hil").write_text("in the way")
    with EarlyKeeper("virt") as early, pytest.raises(InfrastructureError, match="runtime folder"):
        early.take()
