"""The slow tier: the simulated node's programs come out the same to the byte, wherever they are built."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.tools import gonode
from hil.tools.cache import Cache
from hil.tools.digest import file_digest
from hil.tools.progress import quiet

BUILD_WITHIN = 1800.0


def test_two_builds_in_two_places_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The modules' sources are fixed by go.sum and need not be fetched again; what is compiled of them is not shared.
    monkeypatch.setenv("GOMODCACHE", str(Cache().root / "go/path/pkg/mod"))
    source = gonode.module()

    def built(place: Path) -> list[tuple[str, int]]:
        shutil.copytree(source, place / "node")
        monkeypatch.setattr(gonode, "shipped", lambda name: place)
        cache, deadline = Cache(place / "cache"), Deadline.after(BUILD_WITHIN)
        return [
            file_digest(gonode.obtain(program, cache, progress=quiet, deadline=deadline))
            for program in gonode.needed()
        ]

    assert built(tmp_path / "one") == built(tmp_path / "another place")
