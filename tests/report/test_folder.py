"""A boot's folder: a name that nobody else has, files that are whole or old, and a disk that refuses."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import pytest

from hil.clock import WallAnchor
from hil.errors import InfrastructureError
from hil.redaction import Hidden
from hil.report.folder import new_folder, stamp_name, write_boot, write_whole
from hil.timeline.timeline import Mark, Timeline


def test_each_folder_is_new(tmp_path: Path) -> None:
    made = [new_folder(tmp_path / "not" / "there", "boot") for _ in range(3)]
    assert [folder.name for folder in made] == ["boot", "boot-2", "boot-3"]
    assert all(folder.is_dir() for folder in made)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match=r"cannot be made: .*/file/boot: .*/file is no folder") as caught:
        new_folder(tmp_path / "file", "boot")
    assert "--artifacts" in caught.value.hint


def test_a_link_to_a_disk_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hil-artifacts").symlink_to(tmp_path / "unplugged" / "disk")
    tried: list[Path] = []
    made = Path.mkdir

    def mkdir(path: Path, *args: int, parents: bool = False, exist_ok: bool = False) -> None:
        tried.append(path)
        assert len(tried) < 50, "it tries for ever"
        made(path, *args, parents=parents, exist_ok=exist_ok)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(InfrastructureError, match=r"cannot be made: .*/boot: .*/hil-artifacts is no folder"):
        new_folder(tmp_path / "hil-artifacts", "boot")


def test_a_record_has_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = Hidden()
    hidden.add(['opensesame"7'])
    monkeypatch.setattr("hil.report.folder.HIDDEN", hidden)
    timeline = Timeline(0, WallAnchor.take())
    timeline.add([Mark("ready", 5, 0, "console", 'says opensesame"7')])
    write_boot(tmp_path, {"serial": 'opensesame"7', "boot": 1}, timeline)
    texts = [path.read_text() for path in sorted(tmp_path.iterdir())]
    assert len(texts) == 3
    assert all("[redacted]" in text and "opensesame" not in text for text in texts)
    assert json.loads(texts[0])["boot"] == 1


def test_a_name_sorts_by_time() -> None:
    assert re.fullmatch(r"virt-20\d{6}-\d{6}Z", stamp_name("virt"))


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "one")
    write_whole(tmp_path / "a", "zwölf")
    assert (tmp_path / "a").read_text("utf-8") == "zwölf"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "in the way").touch()
    with pytest.raises(InfrastructureError, match=r"/a cannot be written: Is a directory"):
        write_whole(tmp_path / "a", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_leaves_the_last_state(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "old")
    with pytest.raises(InfrastructureError, match=r"cannot be written: No such file"):
        write_whole(tmp_path / "gone" / "a", "new")
    assert (tmp_path / "a").read_text() == "old"


def test_a_boots_record_is_three_files(tmp_path: Path) -> None:
    timeline = Timeline(0, WallAnchor(0, 0))
    timeline.add([Mark("power", 0, 1_000_000, "hil", "switched on")])
    write_boot(tmp_path, {"node": "n1", "verdict": "ready"}, timeline)
    record = json.loads((tmp_path / "boot.json").read_text())
    assert list(record.items()) == [("schema", "hil.boot/1"), ("node", "n1"), ("verdict", "ready")]
    marks = json.loads((tmp_path / "timeline.json").read_text())
    assert marks["schema"] == "hil.timeline/1"
    assert marks["marks"] == [
        {"stage": "power", "seconds": 0.0, "error_seconds": 0.001, "source": "hil", "evidence": "switched on"}
    ]
    assert "switched on" in (tmp_path / "timeline.txt").read_text()


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EROFS, "dmesg has why not"), (errno.ENOSPC, "make room on that disk")]
)
def test_a_disk_that_takes_no_more_is_the_benchs_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    # Of a read-only disk unlink(2) says so of a file that is not there, too.
    for name in ("write_text", "unlink"):
        monkeypatch.setattr(Path, name, refuse)
    with pytest.raises(InfrastructureError, match=f"/a cannot be written: {os.strerror(number)}") as caught:
        write_whole(tmp_path / "a", "text")
    assert hint in caught.value.hint
