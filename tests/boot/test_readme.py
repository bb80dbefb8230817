"""The README's example is a test file as it stands, and its rig file is a rig."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.boards import are_guests, shipped_rig
from support.rigs import run_hil, write_tree

README = Path(__file__).resolve().parent.parent.parent / "README.md"

pytestmark = pytest.mark.usefixtures("runtime")


def example(language: str, *, having: str = "") -> str:
    """The first of a language's blocks that has these words."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    return str(next(block for block in blocks if having in block))


def test_the_example_of_a_test_passes(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(example("python"))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    command += [] if are_guests() else ["--rig", shipped_rig()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_the_example_of_a_rig_is_one(tmp_path: Path) -> None:
    write_tree(tmp_path / "matchbox", groups={}, profiles={})
    (tmp_path / "talosconfig").touch()
    (tmp_path / "rigs").mkdir()
    (tmp_path / "rigs" / "homelab.yaml").write_text(example("yaml", having="name: homelab"))
    done = run_hil("rig", "check", "rigs/homelab.yaml", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "1 node (qemu)" in done.out


@pytest.mark.parametrize(("having", "segment"), [("meters:", "bridge"), ("model: cm4", "interface")])
def test_the_example_of_a_board_is_a_rig_but_for_its_image(tmp_path: Path, having: str, segment: str) -> None:
    image = "hil: 1\nimages: {simnode-gateway: {kind: simnode, extensions: [spin, tailscale]}}\n"
    (tmp_path / "board.yaml").write_text(image + example("yaml", having=having))
    done = run_hil("rig", "check", "./board.yaml", cwd=tmp_path)
    assert done.code == 0, done.err
    assert f"1 node (board), segment {segment}" in done.out
