"""`hil doctor --rig` and `--recording`: the table, the JSON and the exit codes; what is judged is in eeprom_check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil import cli

SET = (
    b"RPi: BOOTLOADER release VERSION:5f18ffb6 DATE: 2024/07/30 TIME: 14:02:35\n"
    b"BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1722344555 serial 10c2a4b7 boardrev c03141 stc 1\n"
    b"Boot mode: NETWORK (02) order f\nNETWORK: dc:a6:32:01:36:c2 wait for link TFTP: 0.0.0.0\nLink ready\n"
)
RIG = """
hil: 1
images: {probe: {kind: probe}}
power: {port: {kind: manual, label: supply}}
segment: {kind: bridge}
nodes:
  node1:
    kind: board
    image: probe
    mac: "dc:a6:32:01:36:c2"
    power: port
    rpi: {model: cm4, serial: 10c2a4b8, firmware: twin:firmware}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set.log").write_bytes(SET)
    (tmp_path / "unset.log").write_bytes(SET.partition(b"NETWORK")[0] + b"SD (01) order f4\n")
    (tmp_path / "rig.yaml").write_text(RIG)
    return tmp_path


def test_a_record_of_a_board_that_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--recording", "set.log"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "the board: it is set to boot from the network"
    assert "ok       BOOT_ORDER     0xf2: NETWORK then RESTART" in lines
    assert max(map(len, lines)) <= 119


def test_what_is_to_be_written_into_the_eeprom_and_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--recording", "unset.log"]) == 1
    said = capsys.readouterr().out
    assert "    BOOT_ORDER=0xf2\n" in said
    assert "../rpiboot -d ." in said
    assert max(map(len, said.splitlines())) <= 119
    assert cli.run(["doctor", "--recording", "unset.log", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["set"], document["boot_conf"][0]) == ("hil.eeprom/1", "no", "[all]")


def test_a_record_is_compared_with_the_rig_and_too_little_is_unknown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["doctor", "--rig", "./rig.yaml", "--recording", "set.log"]) == 1
    said = capsys.readouterr().out
    assert "no       serial         10c2a4b7, and rig.yaml:12 says 10c2a4b8: change that line" in said
    assert "rpiboot" not in said
    (folder / "short.log").write_bytes(SET[:70] + b"\n")
    assert cli.run(["doctor", "--recording", "short.log"]) == 3
    assert "the board: it did not say enough to know" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["--rig", "./rig.yaml", "--fix"], 2, "--fix gets programs"),
        (["--rig", "./rig.yaml", "--yes"], 2, "node1 has no power port and console"),
        (["--rig", "./cm3.yaml"], 3, "a cm3 cannot be asked: its boot ROM says nothing on a console"),
        (["--recording", "nowhere"], 2, "there is no nowhere"),
        (["--node", "node1"], 2, "--node names a node of a rig"),
    ],
)
def test_what_cannot_be_asked_is_said(
    arguments: list[str], code: int, why: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cm3.yaml").write_text(
        RIG.replace("model: cm4", "model: cm3, via: u-boot, files: {u-boot.bin: set.log}")
    )
    assert cli.run(["doctor", *arguments]) == code
    assert why in capsys.readouterr().err
