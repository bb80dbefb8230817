"""Every recording that was kept is found to be what it was found to be before: parsers may not change unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.replay.findings import differences, replayed, stored
from hil.replay.source import read_source

FOLDER = Path(__file__).resolve().parent.parent / "recordings"
KEPT = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("result", KEPT, ids=lambda path: path.stem)
def test_a_recording_is_found_as_before(result: Path) -> None:
    log = result.with_suffix(".log")
    source = read_source(log if log.exists() else result.with_suffix(""))
    changed = differences(stored(result.read_text(), result.name), replayed(source).document())
    assert changed == [], f"if this is right: hil sim replay {result.with_suffix('')} --write {result}"


def test_each_recording_is_in_the_table_and_has_its_result() -> None:
    table = (FOLDER / "README.md").read_text()
    records = {path for path in FOLDER.iterdir() if path.is_dir() or path.suffix == ".log"}
    assert {record.stem for record in records} == {result.stem for result in KEPT}
    assert all(f"| `{record.name}" in table for record in records)
