"""`hil console PORT`: a terminal on a serial line, which one reader has at a time."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil import cli, taking
from hil.cli.port_console import port_of
from hil.clock import Deadline
from hil.config.things import device
from hil.console.spec import PtyPort, SerialPort, TcpPort
from hil.locks import Lock

RUN = """
import sys
from pathlib import Path
from hil import cli, taking
taking._RUN_LOCK = Path(sys.argv[1])
sys.exit(cli.run(["console", *sys.argv[2:]]))
"""


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "locks"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setattr(taking, "_RUN_LOCK", folder)
    return folder


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A serial line: the machine's end, and the path of ours."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def read(descriptor: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        assert select.select([descriptor], [], [], 10)[0], f"only {seen!r}"
        seen += os.read(descriptor, 4096)
    return seen


@pytest.mark.parametrize("options", [[], ["--read-only"]])
def test_a_terminal_on_a_line(locks: Path, line: tuple[int, str], tmp_path: Path, options: list[str]) -> None:
    machine, path = line
    (tmp_path / "by-id").symlink_to(path)
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", RUN, str(locks), *options, str(tmp_path / "by-id")]
    try:
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as console:
            read(ours, b"Ctrl-] leaves")
            os.write(machine, b"login: ")
            read(ours, b"login: ")
            owner = Lock(locks / "hil" / device(path).file_name, what="").owner()
            assert owner is not None
            assert (owner.pid, owner.what) == (console.pid, "hil console")
            os.write(ours, b"root\x03\x1dnot sent")
            assert console.wait(10) == 0
        assert not (b"" if options else b"root\x03") or read(machine, b"root\x03") == b"root\x03"
        assert select.select([machine], [], [], 0)[0] == []
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_line_that_a_bench_holds_is_refused(
    locks: Path, line: tuple[int, str], capsys: pytest.CaptureFixture[str]
) -> None:
    thing = device(line[1])
    lock = Lock(taking.lock_folder() / thing.file_name, what="bench b of rig desk.yaml", shared=True)
    with lock.held(Deadline.after(0)):
        assert cli.run(["console", line[1]]) == 3
    said = capsys.readouterr().err
    assert said.startswith(f"bench error: {line[1]} is held by process {os.getpid()} of user ")
    assert "(bench b of rig desk.yaml, since 20" in said


def test_a_server_s_port_streams_to_its_end(locks: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "-c", RUN, str(locks), f"127.0.0.1:{port}"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as console:
            connection, _ = server.accept()
            connection.sendall(b"all of it")
            connection.close()
            assert console.stdout is not None
            assert console.stdout.read() == b"all of it"
            assert console.wait(10) == 0
    assert [path.name for path in (locks / "hil").iterdir()] == [f"127.0.0.1:{port}.lock"]


def test_what_is_a_port(tmp_path: Path) -> None:
    assert port_of("/dev/pts/7", 9600) == (PtyPort("/dev/pts/7"), device("/dev/pts/7"))
    spec, thing = port_of(str(tmp_path / "ttyUSB0"), 9600) or (None, None)
    assert spec == SerialPort(str(tmp_path / "ttyUSB0"), 9600)
    assert thing == device(tmp_path / "ttyUSB0")
    assert (port_of("Server.lan:2001", 1) or [None])[0] == TcpPort("Server.lan", 2001)
    assert port_of("virt-abc/node1", 1) is None
    assert port_of("node1", 1) is None
