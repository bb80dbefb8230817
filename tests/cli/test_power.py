"""`hil power`: what it says, what it switches, what it does not touch. The relay is a file that a program writes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil import cli
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.locks import Lock
from hil.power.opening import history_file, lock_files
from hil.taking import lock_folder

SCRIPT = """#!/bin/sh
[ "$1" = state ] && exec cat "{folder}/$2"
echo $1 >"{folder}/{written}"
"""

RIG = """
hil: 1
segment: {{kind: user}}
images:
  probe: {{kind: probe}}
power:
  relay1:
    kind: command
    on: [./{switch}, "on"]
    off: [./{switch}, "off"]
    state: [./{switch}, state, relay]
    off_at_least: 0s
  blind: {{kind: command, on: [./{switch}, "on", blind], off: [./{switch}, "off", blind], off_at_least: 0s}}
nodes:
  node1: {{kind: board, image: probe, mac: "02:00:5e:10:00:01", power: relay1}}
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Path]:
    """Its switch has a name of its own, so that its locks are no other test's; they go with it."""
    switch = f"switch-{uuid.uuid4().hex[:8]}"
    (tmp_path / switch).write_text(SCRIPT.format(folder=tmp_path, written="relay"))
    (tmp_path / switch).chmod(0o755)
    (tmp_path / "relay").write_text("off\n")
    (tmp_path / "rig.yaml").write_text(RIG.format(switch=switch))
    yield tmp_path / "rig.yaml"
    for config in load_rig(tmp_path / "rig.yaml", cwd=tmp_path).power.values():
        for path in lock_files(config, lock_folder()):
            path.unlink(missing_ok=True)
            history_file([path]).unlink(missing_ok=True)


def test_what_it_says_of_ports_that_read_back_and_of_those_that_do_not(
    rig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["power", str(rig)]) == 0
    assert cli.run(["power", str(rig), "on", "relay1"]) == 0
    assert cli.run(["power", str(rig), "cycle", "blind"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "relay1: off",
        "blind: unknown: this port cannot be read back",
        "relay1: on, read back on",
        "blind: on, unverified: this port cannot be read back",
    ]
    assert cli.run(["power", str(rig), "off", "relay1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "hil.power/1"
    assert document["ports"]["relay1"]["reads_back"] == "off"


def test_a_port_that_does_not_do_it_is_an_error_of_the_bench(rig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    switch = next(rig.parent.glob("switch-*"))
    switch.write_text(SCRIPT.format(folder=rig.parent, written="elsewhere"))
    assert cli.run(["power", str(rig), "on", "relay1"]) == 3
    said = capsys.readouterr()
    assert said.out == "relay1: failed\n"
    assert "was switched on and reads back off" in said.err


def test_a_port_that_a_bench_has_is_not_touched(rig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [path] = lock_files(load_rig(rig, cwd=rig.parent).power["relay1"], lock_folder())
    with Lock(path, what="bench a of rig b", shared=True).held(Deadline.after(1)):
        assert cli.run(["power", str(rig), "on", "relay1"]) == 3
    assert "bench a of rig b" in capsys.readouterr().err
    assert (rig.parent / "relay").read_text() == "off\n"


@pytest.mark.parametrize(
    ("arguments", "words"), [(["on"], "none is named"), (["off", "relay"], "no power port 'relay'")]
)
def test_what_is_asked_for_must_be_clear(
    rig: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert cli.run(["power", str(rig), *arguments]) == 2
    assert words in capsys.readouterr().err
