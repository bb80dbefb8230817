"""`hil sim replay`: a record is checked, compared and played, as a person meets it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from support.rigs import Hil

from hil import cli

WITHIN = 30.0
LOG = b"RPi: BOOTLOADER release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35\r\nLink ready\r\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "board.log"
    path.write_bytes(LOG)
    return path


def test_what_is_found_is_shown_written_and_compared(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = str(log.with_suffix(".json"))
    assert cli.run(["sim", "replay", str(log), "--check", "--write", kept]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["stage", "eeprom", "link", "bootloader"]
    assert lines[-1] == "bootloader 5f18ffb6 of 2024-07-30, BOOT_ORDER not said"
    assert cli.run(["sim", "replay", str(log), "--expect", kept, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(Path(kept).read_text())

    log.write_bytes(LOG.replace(b"Link ready", b"Link broken"))
    assert cli.run(["sim", "replay", str(log), "--expect", kept]) == 1
    assert '-   "evidence": "Link ready"' in capsys.readouterr().err


def test_what_cannot_be_read_is_said(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sim", "replay", str(tmp_path / "nowhere")]) == 2
    assert cli.run(["sim", "replay", str(log), "--expect", str(tmp_path / "nowhere.json")]) == 2
    assert "nowhere.json cannot be read" in capsys.readouterr().err
    assert cli.run(["sim", "replay", str(log), "--link", str(log)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert cli.run(["sim", "replay", str(log), "--link", str(tmp_path / "nowhere" / "line")]) == 2
    assert "line cannot be made: No such file or directory" in capsys.readouterr().err


@pytest.mark.boot
def test_it_is_played_until_ctrl_c(log: Path, tmp_path: Path) -> None:
    place = tmp_path / "line"
    with Hil(["sim", "replay", str(log), "--link", str(place)], tmp_path) as hil:
        hil.wait_for_output("opening it is power-on", within=WITHIN)
        line = os.open(place, os.O_RDWR | os.O_NOCTTY)
        hil.wait_for_output("all was said", within=WITHIN)
        assert os.read(line, 4096) == LOG
        os.close(line)
        hil.signal(signal.SIGINT)
        assert hil.finish(within=WITHIN) == 0
    assert not place.is_symlink()
