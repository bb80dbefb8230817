"""A keeper in a folder of its own that is gone afterwards; short, for unix sockets are in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir


@contextmanager
def own_keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        with Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)) as started:
            yield started
