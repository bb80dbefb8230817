"""A keeper in a folder of its own that is gone afterwards; short, for unix sockets are in it."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.leftovers import difference, snapshot

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.keeper import launch
from hil.keeper.client import Keeper
from hil.keeper.isolation import Isolation
from hil.keeper.runtime import new_runtime_dir


@contextmanager
def own_keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        with Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)) as started:
            yield started


@contextmanager
def killed_keeper(
    directory: Path, way: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, left: int
) -> Iterator[Keeper]:
    """A keeper that is killed at the end of the block, after which nothing of it may be left.

    Args:
        directory: its own.
        way: how it fences itself in.
        tmp_path: the test's.
        monkeypatch: the test's.
        left: how many things there are more than before, at least, as long as it runs.
    """
    monkeypatch.setattr(launch, "candidates", lambda: (way,))
    monkeypatch.setenv("HIL_TEST_MARKER", str(tmp_path))
    before = snapshot(str(tmp_path))
    directory.mkdir(mode=0o700)
    try:
        killed = Keeper.start(directory, deadline=Deadline.after(10))
    except InfrastructureError as error:
        pytest.skip(f"needs root: {error.message}")
    yield killed
    assert len(difference(before, within=Deadline.after(0))) >= left
    os.kill(killed.pid, signal.SIGKILL)
    killed.end()
    assert difference(before, within=Deadline.after(20)) == []
