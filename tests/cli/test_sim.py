"""`hil sim`: a twin alone, its faults from another terminal, and its end by Ctrl-C."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from support.rigs import Hil

from hil import cli
from hil.cli.sim import running
from hil.config.rig import load_rig

pytestmark = pytest.mark.boot

WITHIN = 30.0
LINE = "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0"
RIG = f"""
hil: 1
images: {{probe: {{kind: probe}}}}   # its console: {LINE}, not {LINE}/x
nodes:
  node1: {{kind: board, image: probe, attach: true, console: {{device: {LINE}, baud: 9600}}}}
  node2: {{kind: board, image: probe, attach: true, console: {{at: "192.0.2.9:2217"}}}}
"""


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hc-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    (tmp_path / "rig.yaml").write_text(RIG)
    return tmp_path / "rig.yaml"


@pytest.mark.usefixtures("runtime")
def test_a_real_rig_has_a_twin_that_is_driven_broken_and_ended(
    rig: Path, runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "sim",
        str(rig),
        "--out",
        "twin.yaml",
        "--seed",
        "7",
        "--speed",
        "0",
        "--fault",
        "node2-console=noise",
    ]
    with Hil(arguments, rig.parent) as hil:
        hil.wait_for_output("node2: starts", within=WITHIN)
        assert "simulated" in hil.stdout
        assert "console of node1, 9600 baud" in hil.stdout
        found = load_rig("./twin.yaml", cwd=rig.parent)
        console = found.nodes["node1"].console  # type: ignore[attr-defined]
        assert f"# its console: {console.device}, not {LINE}/x" in found.file.read_text()
        with serial.Serial(console.device, 9600, timeout=WITHIN) as port:
            port.write(b"\n")
            assert b"# " in port.read_until(b"# ")

        capsys.readouterr()
        assert cli.run(["sim", "fault", "node1-console", "unplugged"]) == 0
        hil.wait_for_output("node1-console: unplugged begins", within=WITHIN)
        assert not Path(console.device).exists()
        assert cli.run(["sim", "mend", "node1-console"]) == 0
        assert cli.run(["sim", "state"]) == 0
        state = json.loads(capsys.readouterr().out)
        assert (state["schema"], state["simulated"]) == ("hil.sim/1", "bench twin: simulated relay, meter, board")
        assert state["devices"]["node2-console"]["faults"] == [["noise", None]]
        assert cli.run(["sim", "fault", "node1-console", "tired"]) == 2

        hil.signal(signal.SIGINT)
        assert hil.finish(within=WITHIN) == 0
    assert list((runtime / "hil").iterdir()) == []


@pytest.mark.usefixtures("runtime")
def test_a_twin_that_ends_by_itself_is_an_error_of_the_bench(rig: Path) -> None:
    with Hil(["sim", str(rig)], rig.parent) as hil:
        hil.wait_for_output("node2: starts", within=WITHIN)
        running(None).end()
        assert hil.finish(within=WITHIN) == 3
        assert "the bench twin has ended" in hil.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["state"], "no bench twin runs"),
        (["fault", "relay", "silent", "--at", "x"], "no bench twin runs in x"),
        (["virt"], "virt names no device"),
        (["virt", "--fault", "relay"], "'relay' is no fault"),
        (["nowhere"], "there is no shipped rig 'nowhere'"),
    ],
)
@pytest.mark.usefixtures("runtime")
def test_what_cannot_be_done_says_why(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sim", *arguments]) == 2
    assert why in capsys.readouterr().err
