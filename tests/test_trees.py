"""What a rig's Raspberry Pis fetch: the twin's stand-in is the twin's boards' alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.config.rig import load_rig
from hil.errors import UsageError
from hil.tools.progress import quiet
from hil.trees import make_trees

RIG = """\
hil: 1
segment: {kind: interface, nic: twin:lan}
images: {probe: {kind: probe}}
power: {relay1: {kind: lcus, device: RELAY, channel: 1}}
meters: {plug1: {kind: shelly2, at: METER}}
nodes:
  node1:
    kind: board
    image: probe
    mac: dc:a6:32:01:36:c2
    power: relay1
    meter: plug1
    console: {device: CONSOLE}
    rpi: {model: cm4, serial: 10c2a4b7, firmware: twin:firmware}
"""


def made(folder: Path, relay: str, meter: str, console: str) -> set[str]:
    """The nodes whose trees are made."""
    text = RIG.replace("RELAY", relay).replace("METER", meter).replace("CONSOLE", console)
    (folder / "rig.yaml").write_text(text)
    return set(make_trees(load_rig("./rig.yaml", cwd=folder), folder, quiet))


def test_a_real_board_with_the_twins_stand_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        made(tmp_path, "/dev/ttyUSB0", "192.0.2.20", "/dev/ttyUSB1")
    assert caught.value.message.startswith(
        "rig.yaml:14: twin:firmware is a stand-in that the bench twin alone can boot"
    )
    assert "{path: ..., sha256: ...}" in caught.value.hint


@pytest.mark.parametrize(
    ("relay", "meter", "console"),
    [
        ("twin:relay", "192.0.2.20", "/dev/ttyUSB1"),
        ("/dev/ttyUSB0", "twin:plug", "/dev/ttyUSB1"),
        ("/dev/ttyUSB0", "192.0.2.20", "twin:uart1"),
    ],
)
def test_a_board_of_which_anything_else_is_the_twins_has_it(
    tmp_path: Path, relay: str, meter: str, console: str
) -> None:
    assert made(tmp_path, relay, meter, console) == {"node1"}
