"""Waiting for a child of the keeper: ready, ended with its last words, silent until the deadline; its former life."""

from __future__ import annotations

import pytest

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.starting import await_ready, past

WITHIN = 20.0


def wait(keeper: Keeper, script: str, within: float = WITHIN) -> bool:
    """Run a script of sh(1) and wait until it says "ready"."""
    since = past(keeper, "it")
    keeper.spawn("it", ["sh", "-c", script], kill=True)
    return await_ready(
        keeper,
        "it",
        lambda said: True if b"ready" in said else None,
        what="it",
        hint="do this",
        since=since,
        deadline=Deadline.after(within),
    )


def test_what_a_former_process_said_is_not_the_new_ones(keeper: Keeper) -> None:
    assert wait(keeper, "echo getting; echo ready")
    assert keeper.wait_exit("it", deadline=Deadline.after(WITHIN)) == 0
    with pytest.raises(InfrastructureError, match=r"^bench error: it ended, with status 3") as caught:
        wait(keeper, "seq 20; exit 3")
    assert caught.value.evidence == tuple(str(number) for number in range(13, 21))
    assert caught.value.hint == "do this"


def test_what_it_says_last_counts(keeper: Keeper) -> None:
    assert wait(keeper, "printf ready; exit 1")


def test_one_that_says_nothing_is_waited_for_until_the_deadline(keeper: Keeper) -> None:
    with pytest.raises(InfrastructureError, match=r"it is not ready after 0\.2 s"):
        wait(keeper, "exec sleep 60", 0.2)
