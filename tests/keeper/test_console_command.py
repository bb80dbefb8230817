"""`hil console` on a pseudo terminal and without one, against a real keeper."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli.console import Found, choose, command
from hil.clock import Deadline
from hil.console.spec import UnixPort
from hil.errors import UsageError
from hil.keeper.client import Keeper

RUN = [sys.executable, "-c", "from hil.cli.console import command; command()"]


@pytest.fixture
def line(keeper: Keeper, runtime: Path) -> Iterator[socket.socket]:
    """The guest's end of the console of node "pi" of the one bench that is open."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "serial"))
        listener.listen()
        keeper.open_console("console:pi", UnixPort(str(runtime / "serial")), None)
        guest, _ = listener.accept()
    with guest:
        guest.settimeout(10)
        yield guest


def read_terminal(descriptor: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        assert select.select([descriptor], [], [], 10)[0], f"only {seen!r}"
        seen += os.read(descriptor, 4096)
    return seen


@pytest.mark.parametrize("options", [[], ["--read-only"]])
def test_a_terminal_is_attached_until_it_leaves(line: socket.socket, options: list[str]) -> None:
    line.sendall(b"login: ")
    ours, theirs = os.openpty()
    try:
        before = termios.tcgetattr(theirs)
        with subprocess.Popen([*RUN, *options, "pi"], stdin=theirs, stdout=theirs, stderr=theirs) as console:
            read_terminal(ours, b"login: ")
            os.write(ours, b"root\r\x03")
            line.sendall(b"welcome")
            read_terminal(ours, b"welcome")
            if not options:
                heard = b""
                while len(heard) < 6:
                    heard += line.recv(10)
                assert heard == b"root\r\x03"  # raw: Ctrl-C is the guest's
            os.write(ours, b"bye\x1dnot sent")
            assert console.wait(10) == 0
        assert termios.tcgetattr(theirs) == before
        if options:
            line.settimeout(0.1)
            with pytest.raises(TimeoutError):
                line.recv(10)
        else:
            assert line.recv(10) == b"bye"
    finally:
        os.close(ours)
        os.close(theirs)


def test_without_a_terminal_it_streams_to_the_end(keeper: Keeper, line: socket.socket) -> None:
    line.sendall(b"all ")
    with subprocess.Popen(RUN, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as console:
        assert console.stdout is not None
        read_terminal(console.stdout.fileno(), b"all ")
        line.sendall(b"of it")
        read_terminal(console.stdout.fileno(), b"of it")
        keeper.close()
        assert console.wait(10) == 0


def test_a_pipe_that_closes_ends_it(line: socket.socket) -> None:
    line.sendall(b"first")
    with subprocess.Popen(RUN, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as console:
        assert console.stdout is not None
        read_terminal(console.stdout.fileno(), b"first")
        console.stdout.close()
        line.sendall(b"more")
        assert console.wait(10) == 0


def run(*arguments: str) -> tuple[str, str]:
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    return done.stdout, done.stderr


def test_the_list(keeper: Keeper, line: socket.socket) -> None:
    line.sendall(b"1234")
    deadline = Deadline.after(10)
    while keeper.streams()["console:pi"].received < 4:
        assert not deadline.expired
    name = keeper.directory.name
    assert run("--list")[0] == f"{name}/pi\ton\t4 bytes\n"
    rows = [{"bench": name, "node": "pi", "live": True, "bytes": 4}]
    assert json.loads(run("--list", "--json")[0]) == {"schema": "hil.consoles/1", "consoles": rows}
    line.close()
    while keeper.streams()["console:pi"].live:
        assert not deadline.expired
    assert run("--list")[0] == f"{name}/pi\toff\t4 bytes\n"
    keeper.close()
    assert run("--list") == ("", "no bench is open\n")
    with pytest.raises(UsageError, match="no bench is open"):
        run()
    with pytest.raises(UsageError, match="--json goes with --list"):
        run("--json")


def test_a_bench_that_ended_just_now_is_not_shown(keeper: Keeper, line: socket.socket) -> None:
    (keeper.directory / "keeper.sock").unlink()
    assert run("--list") == ("", "no bench is open\n")


def found(*names: str) -> list[Found]:
    return [Found(*name.split("/"), Path("/"), live=True, received=0) for name in names]


@pytest.mark.parametrize(("target", "wanted"), [("b/one", 1), ("two", 2), ("c", 2), ("a/one", 0)])
def test_a_target_may_be_short_where_that_leaves_no_choice(target: str, wanted: int) -> None:
    consoles = found("a/one", "b/one", "c/two")
    assert choose(consoles, target) is consoles[wanted]
    assert choose(consoles[:1], None) is consoles[0]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, "more than one console fits; there are: a/one, b/one"),
        ("one", "more than one console fits"),
        ("three", "no console three; there are: a/one, b/one"),
    ],
)
def test_a_target_that_is_unclear(target: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(found("a/one", "b/one"), target)
