"""The twin as a process: a child of the keeper, its control socket, and what is left of it when it is killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import serial
from support import twin_guest
from support.keepers import own_keeper
from support.leftovers import difference, snapshot

from hil.clock import Deadline
from hil.errors import InfrastructureError, UsageError
from hil.keeper.client import Keeper
from hil.sim.client import TwinControl
from hil.sim.plan import BoardPlan, DevicePlan, Plan, Qemu
from hil.sim.starting import STREAM, RunningTwin, start

pytestmark = pytest.mark.boot

UART = DevicePlan("uart1", "uart")
WITHIN = 20.0


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with own_keeper(monkeypatch) as started:
        yield started


def started(keeper: Keeper, *boards: BoardPlan) -> RunningTwin:
    directory = keeper.directory / "twin"
    directory.mkdir()
    return start(keeper, Plan(1, directory, (UART,), boards))


def opened(twin: RunningTwin) -> serial.Serial:
    return serial.Serial(twin.devices["twin:uart1"], 115200, timeout=WITHIN)


def answers(port: serial.Serial) -> bool:
    """Whether there is somebody who echoes; what it said before the port was open is lost, as on any line."""
    deadline = Deadline.after(WITHIN)
    port.timeout = 0.1
    while not deadline.expired:
        port.write(b"?")
        if b"?" in port.read_until(b"?"):
            return True
    return False


def said_to(control: TwinControl, request: bytes) -> bytes:
    """What a request is answered; b"" where the twin hangs up, be it in the middle of a line that is too long."""
    with socket.socket(socket.AF_UNIX) as connection, suppress(ConnectionError):
        connection.settimeout(WITHIN)
        connection.connect(str(control.path))
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)
    return b""


def test_a_twin_tells_where_its_devices_are_takes_faults_and_ends_with_its_bench(keeper: Keeper) -> None:
    twin = started(keeper, BoardPlan("node1", console="uart1"))
    control = twin.control
    with opened(twin) as port:
        assert answers(port)
        port.timeout = WITHIN
        port.write(b"\n")
        assert b"# " in port.read_until(b"# ")

    control.fault("uart1", "noise")
    control.unplug("uart1")
    assert control.state()["devices"]["uart1"]["faults"] == [["noise", None], ["unplugged", None]]
    assert not Path(twin.devices["twin:uart1"]).exists()
    assert control.path.stat().st_mode & 0o777 == 0o600
    control.plug("uart1")
    assert Path(twin.devices["twin:uart1"]).exists()
    control.mend("uart1")
    assert control.state()["devices"]["uart1"]["faults"] == []
    assert control.state()["boards"]["node1"]["running"] is True
    with pytest.raises(UsageError, match="no device 'relay'"):
        control.fault("relay", "silent")

    keeper.end()
    assert not Path(twin.devices["twin:uart1"]).is_symlink()
    with pytest.raises(InfrastructureError, match="does not answer"):
        control.state()


def test_requests_that_are_none_are_refused_and_end_nothing(keeper: Keeper) -> None:
    control = started(keeper).control
    for request in (
        b"\xff\xfe\n",
        b"[]\n",
        b"{}\n",
        b'{"do": "fault"}\n',
        b"7\n",
        b'{"do": {"a": []}}\n',
        b"x" * 200_000,
    ):
        said = said_to(control, request)
        assert b'"error"' in said if request.endswith(b"\n") else said == b""
    assert control.state()["boards"] == {}


def test_a_twin_that_cannot_be_had_says_why(keeper: Keeper) -> None:
    directory = keeper.directory / "twin"
    with pytest.raises(InfrastructureError, match="no model of the kind 'toaster'"):
        start(keeper, Plan(1, directory, (DevicePlan("relay", "toaster"),)))
    directory.mkdir()
    with pytest.raises(InfrastructureError, match="no channel 1"):
        start(keeper, Plan(1, directory, (UART,), (BoardPlan("node1", feeds=(("uart1", 1),)),)))
    with pytest.raises(InfrastructureError, match="cannot open its devices"):
        start(keeper, Plan(1, directory / "nowhere", (UART,)))


def _kill(keeper: Keeper, twin: RunningTwin) -> None:
    keeper.signal(STREAM, signal.SIGKILL)


def _end(keeper: Keeper, twin: RunningTwin) -> None:
    twin.control.end()


@pytest.mark.parametrize("way", [_kill, _end])
def test_a_twin_that_ends_takes_its_guests_along(
    keeper: Keeper, way: Callable[[Keeper, RunningTwin], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(str(tmp_path))
    guest = sys.executable, str(twin_guest.__file__), "{fd:serial}", "{fd:qmp}", str(tmp_path / "pid")
    twin = started(keeper, BoardPlan("node1", console="uart1", actor=Qemu(guest)))
    with opened(twin) as port:
        assert answers(port)
    assert any(str(twin_guest.__file__) in line for line in difference(before, within=Deadline.after(0)))

    way(keeper, twin)
    keeper.wait_exit(STREAM, deadline=Deadline.after(WITHIN))
    assert difference(before, within=Deadline.after(WITHIN)) == []


def test_a_twin_without_a_keeper_takes_its_guests_along_too(tmp_path: Path) -> None:
    before = snapshot(str(tmp_path))
    guest = sys.executable, str(twin_guest.__file__), "{fd:serial}", "{fd:qmp}", str(tmp_path / "pid")
    plan = Plan(1, tmp_path, (UART,), (BoardPlan("node1", console="uart1", actor=Qemu(guest)),))
    with subprocess.Popen([sys.executable, "-m", "hil.sim", plan.to_json()], stdout=subprocess.PIPE) as twin:
        assert twin.stdout is not None
        for line in twin.stdout:
            if b"node1: starts" in line:
                break
        with serial.Serial(str(tmp_path / "uart1"), 115200, timeout=WITHIN) as port:
            assert answers(port)
        twin.kill()
    assert difference(before, within=Deadline.after(WITHIN)) == []


def test_a_twin_that_is_told_to_end_leaves_no_name_and_no_process(keeper: Keeper) -> None:
    twin = started(keeper)
    keeper.signal(STREAM, signal.SIGTERM)
    assert keeper.wait_exit(STREAM, deadline=Deadline.after(WITHIN)) == 0
    assert list((keeper.directory / "twin").iterdir()) == []
    with pytest.raises(InfrastructureError):
        TwinControl(twin.control.path).state()
