"""hil's own kinds: looked up once for each module path, and never among other packages."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from hil.config import kinds
from hil.config.rig import NodeConfig


def test_hil_is_looked_for_once_for_each_module_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    distributions = metadata.distributions
    monkeypatch.setattr(metadata, "distributions", lambda **how: looked.append(how) or distributions(**how))
    monkeypatch.setattr(metadata, "entry_points", None)
    for place in ("first", "second"):
        monkeypatch.syspath_prepend(tmp_path / place)
        for _ in range(3):
            kind = kinds.load(kinds.MACHINES, "qemu", NodeConfig)
            assert kind is not None
            assert kind.module.__name__ == "hil.machines.qemu"
    assert len(looked) == 2
