"""docs/power: what a page shows of a rig file is right, with its keys' names and values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil.config.rig import load_rig

PAGES = Path(__file__).resolve().parents[2] / "docs" / "power"
AROUND = "hil: 1\nimages: {probe: {kind: probe}}\nnodes: {node1: {kind: qemu, image: probe}}\n"


def shown() -> list[tuple[str, str]]:
    """Each part of a rig file that a page shows, beginning with the section's name."""
    return [
        (page.name, block)
        for page in sorted(PAGES.glob("*.md"))
        for block in re.findall(r"^```yaml\n((?:power|meters):\n.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize(("page", "block"), shown())
def test_the_rig_files_of_the_pages(page: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"!env ([A-Z0-9_]+)", block):
        monkeypatch.setenv(name, "secret")
    (tmp_path / "rig.yaml").write_text(AROUND + block)
    rig = load_rig("./rig.yaml", cwd=tmp_path)
    assert rig.power or rig.meters, page
