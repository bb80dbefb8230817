"""One board is power-cycled and heard, by a rig's real kinds: a program that switches, and a serial line."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pty_board import PtyBoard

from hil.config.rig import Rig, load_rig
from hil.eeprom_check.asking import asked_of, hear, node_of
from hil.eeprom_check.judging import Expected, State, judge
from hil.errors import UsageError
from hil.finding.cycle import Pace
from hil.finding.search import Voice

WORDS = (
    b"RPi: BOOTLOADER release VERSION:c258ef8f DATE: Jul  6 2021 TIME: 11:44:56 BOOTMODE: 0x00000006 part: 0 "
    b"BUILD_TIMESTAMP=1625568293 0x10c2a4b7 0x00c03140 0x000c5fe0\r\n"
    b"Boot mode: NETWORK (02) order f\r\nLink ready\r\n"
)
RIG = """
hil: 1
images: {{probe: {{kind: probe}}}}
power:
  port:
    kind: command
    on: [sh, -c, "echo on >> {folder}/told; echo on > {folder}/fifo"]
    off: [sh, -c, "echo off >> {folder}/told"]
    leave: {leave}
    off_at_least: 0s
nodes:
  node1: {{kind: board, image: probe, mac: "dc:a6:32:01:36:c2", power: port, console: {{device: {line}}}}}
"""


@pytest.fixture
def board() -> Iterator[PtyBoard]:
    made = PtyBoard(lambda _: b"")
    yield made
    made.close()


def rig_of(board: PtyBoard, folder: Path, leave: str) -> Rig:
    """A rig whose power port makes the board speak each time that it is switched on."""
    os.mkfifo(folder / "fifo")

    def speak() -> None:
        while (folder / "fifo").read_text() == "on\n":
            board.says(WORDS)

    threading.Thread(target=speak, daemon=True).start()
    (folder / "rig.yaml").write_text(RIG.format(folder=folder, line=board.path, leave=leave))
    return load_rig(folder / "rig.yaml", cwd=folder)


def test_it_is_heard_from_power_on_and_left_as_its_rig_says(board: PtyBoard, tmp_path: Path) -> None:
    rig = rig_of(board, tmp_path, "off")
    board.says(b"RPi: BOOTLOADER release VERSION:00000000 of an earlier start\r\n")
    told: list[str] = []
    data = hear(asked_of(rig, node_of(rig, None)), Voice(lambda _: True, told.append), Pace(0.1, 0.1, within=20))
    (tmp_path / "fifo").write_text("end")
    assert data is not None
    assert data.startswith(b"RPi: BOOTLOADER release VERSION:c258ef8f")
    assert judge(data, Expected(serial="10c2a4b7")).state is State.OK
    # Once more at its keeper's end, which knows nothing of what the port is like now.
    assert (tmp_path / "told").read_text().split()[:3] == ["off", "on", "off"]
    assert told == ["node1 (port, command sh): off, on, listening at most 20 s"]


def test_who_says_no_switches_nothing(board: PtyBoard, tmp_path: Path) -> None:
    rig = rig_of(board, tmp_path, "on")
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    assert hear(asked_of(rig, "node1"), Voice(no, lambda _: None), Pace()) is None
    (tmp_path / "fifo").write_text("end")
    assert not (tmp_path / "told").exists()
    assert asked == ["node1 (port, command sh): switch it off and on? It is left on."]


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(
        "hil: 1\nimages: {probe: {kind: probe}}\nnodes:\n  a: {kind: board, image: probe, attach: true}\n"
        "  b: {kind: board, image: probe, attach: true}\n"
    )
    rig = load_rig(tmp_path / "rig.yaml", cwd=tmp_path)
    with pytest.raises(UsageError, match="has several nodes: a, b"):
        node_of(rig, None)
    with pytest.raises(UsageError, match="has no node 'c'"):
        node_of(rig, "c")
    with pytest.raises(UsageError, match="a has no power port and console"):
        asked_of(rig, "a")
