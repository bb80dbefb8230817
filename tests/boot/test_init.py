"""From a Matchbox tree to green tests: `hil init`, the assets named in what it wrote, pytest. No line of it by hand.

The assets are the simulated node's, whose userland is this project's; the tree is as it is in git, without them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.rigs import run_hil
from support.session import properties, session
from support.simnode import make_config
from support.trees import write_users_tree

from hil.clock import Deadline
from hil.images import simnode
from hil.images.image import Image
from hil.tools.cache import Cache

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]


@pytest.fixture(scope="module")
def image() -> Image:
    config = simnode.Config.model_validate({"kind": "simnode"})
    return simnode.create(config, name="sim", cache=Cache(), deadline=Deadline.after(1800))


def name_assets(rig: Path, files: dict[str, Path]) -> None:
    """Uncomment the list of assets in a drafted rig, and say where each is."""
    text = rig.read_text()
    start = text.index("  # assets:")
    end = text.index("\n\n", start)
    block = re.sub("^  # ", "  ", text[start:end], flags=re.MULTILINE)
    for name, path in files.items():
        block = re.sub(rf"({re.escape(name)}:[^\n]*\n) +url:\n +sha256:", rf"\1        path: {path}", block)
    rig.write_text(text[:start] + block + text[end:])


def test_a_tree_becomes_a_rig_and_tests_that_are_green(tmp_path: Path, image: Image) -> None:
    config = make_config(tmp_path / "lab", hostname="cm4")
    boot = {
        "kernel": "http://10.7.7.7:8080/assets/talos/kernel",
        "initrd": [f"/assets/talos/{asset.name}" for asset in image.initrds],
        "args": [*image.args, "talos.config=http://10.7.7.7:8080/generic?mac=${mac:hexhyp}"],
    }
    write_users_tree(
        tmp_path / "matchbox",
        groups={"cm4": {"profile": "talos", "selector": {"mac": "52-54-00-C4-00-01"}}},
        profiles={"talos": {"generic_id": "talos.yaml", "boot": boot}},
        generic={"talos.yaml": config.config.read_text().replace("{{", '{{"{{"}}')},
    )
    (tmp_path / "talosconfig").write_bytes(config.reader_talosconfig.read_bytes())
    drafted = run_hil("init", "--matchbox", "matchbox", cwd=tmp_path)
    assert drafted.code == 0, drafted.err
    rig = tmp_path / "rig.yaml"
    refused = run_hil("boot", "./rig.yaml", cwd=tmp_path)
    assert refused.code == 2
    assert "matchbox/profiles/talos.json:5:15: profile 'talos' lists the asset talos/kernel" in refused.err
    name_assets(rig, {f"talos/{asset.name}": asset.path for asset in image.assets})
    status, printed, cases = session(tmp_path, "--rig=./rig.yaml", "tests/test_nodes.py")
    assert status == 0, printed
    assert list(cases) == ["test_talos_becomes_a_talos_node"]
    said = properties(cases["test_talos_becomes_a_talos_node"])
    assert (said["hil_node"], said["hil_verdict"]) == ("cm4", "ready")
    assert not (tmp_path / "matchbox/assets").exists()
