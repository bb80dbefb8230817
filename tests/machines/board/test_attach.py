"""A rig file with boards that run already: what they may leave out, and what one that is booted may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil.config.rig import load_rig
from hil.errors import ConfigError


def written(folder: Path, **board: object) -> Path:
    path = folder / "rig.yaml"
    path.write_text(json.dumps({"hil": 1, "nodes": {"rack3": {"kind": "board", **board}}}))
    return path


@pytest.mark.parametrize("keys", [{}, {"expect": {"talos": {}}, "address": "192.0.2.40"}])
def test_a_board_that_runs_already_needs_neither_power_nor_image_nor_mac(
    tmp_path: Path, keys: dict[str, object]
) -> None:
    rig = load_rig(written(tmp_path, attach=True, **keys), cwd=tmp_path)
    assert rig.nodes["rack3"].image is None


def test_one_that_is_booted_needs_all_three(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_rig(written(tmp_path, attach=False), cwd=tmp_path)
    said = caught.value.message
    for word in ("has no image", "nothing switches this board", "no board has the MAC address"):
        assert word in said
