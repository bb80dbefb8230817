"""A console's line that goes away and comes back, as a USB adapter that is pulled: under another number each time."""

from __future__ import annotations

import json
import os
import select
import socket
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.console.recording import read_recording
from hil.console.spec import SerialPort, TcpPort
from hil.console.stream import Chunk
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.console import BACK, LOST
from hil.keeper.holdings import EVENTS

Reading = Callable[..., list[Chunk]]


class Adapter:
    """A pty behind a name that stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.board = -1

    def plug(self) -> None:
        self.board, line = os.openpty()
        tty.setraw(line)
        self.path.symlink_to(os.ttyname(line))
        os.close(line)

    def unplug(self) -> None:
        if self.board >= 0:
            self.path.unlink()
            os.close(self.board)
            self.board = -1

    def says(self, data: bytes) -> None:
        os.write(self.board, data)


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[Adapter]:
    made = Adapter(tmp_path / "usb-FTDI")
    made.plug()
    yield made
    made.unplug()


def text(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def events(chunks: list[Chunk]) -> list[str]:
    lines = [json.loads(line) for line in text(chunks).split(b"\n") if line]
    return [line["event"] for line in lines if line["name"] == "console:a"]


def test_an_adapter_that_is_pulled_and_put_back(
    keeper: Keeper, adapter: Adapter, read: Reading, tmp_path: Path
) -> None:
    keeper.open_console("console:a", SerialPort(str(adapter.path)), tmp_path / "a", reopen=True)
    with keeper.attach("console:a") as console, keeper.attach(EVENTS) as said:
        adapter.says(b"before ")
        chunks = read(console, lambda data, _: data == b"before ")
        adapter.unplug()
        assert events(read(said, lambda _, found: events(found))) == [LOST]
        assert keeper.streams()["console:a"].live, "the board behind it has not gone"
        adapter.plug()
        assert events(read(said, lambda _, found: events(found))) == [BACK]
        adapter.says(b"after")
        chunks += read(console, lambda data, _: data.endswith(b"after"))
        assert (text(chunks), {chunk.incarnation for chunk in chunks}) == (b"before after", {1})
        console.write(b"typed")
        assert select.select([adapter.board], [], [], 10)[0]
        assert os.read(adapter.board, 10) == b"typed"
    keeper.end()
    assert b"".join(chunk.data for chunk in read_recording(tmp_path / "a")) == b"before after"


def test_a_line_that_is_closed_meanwhile_is_not_opened_again(
    keeper: Keeper, adapter: Adapter, read: Reading, tmp_path: Path
) -> None:
    keeper.open_console("console:a", SerialPort(str(adapter.path)), None, reopen=True)
    with keeper.attach(EVENTS) as said, Listening() as server:
        adapter.unplug()
        read(said, lambda _, found: events(found))
        keeper.open_console("console:a", TcpPort("127.0.0.1", server.port), None)
        server.accept()
        adapter.plug()
        adapter.says(b"nobody hears")
        assert not select.select([said], [], [], 0.5)[0], "no event: nobody has opened it"


def test_a_serial_server_that_starts_anew(keeper: Keeper, read: Reading) -> None:
    with Listening() as server, keeper.attach(EVENTS) as said:
        keeper.open_console("console:a", TcpPort("127.0.0.1", server.port), None, reopen=True)
        server.accept().close()
        server.accept().sendall(b"again")
        read(said, lambda _, found: events(found) == [LOST, BACK])
        with keeper.attach("console:a") as console:
            read(console, lambda data, _: data == b"again")


def test_without_reopening_an_end_is_an_end(keeper: Keeper, adapter: Adapter, read: Reading) -> None:
    keeper.open_console("console:a", SerialPort(str(adapter.path)), None)
    with keeper.attach("console:a") as console:
        adapter.unplug()
        read(console, lambda _, found: bool(found) and not found[-1].data)
    assert not keeper.streams()["console:a"].live


def test_whoever_holds_the_line_is_named_though_the_keeper_sees_no_other_process(
    keeper: Keeper, adapter: Adapter
) -> None:
    line = os.open(adapter.path, os.O_RDWR | os.O_NOCTTY)
    pid = os.fork()
    if pid == 0:
        select.select([], [], [])
    os.close(line)
    try:
        with pytest.raises(InfrastructureError, match=rf"is held by .*\(pid {pid}\)"):
            keeper.open_console("console:a", SerialPort(str(adapter.path)), None)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    keeper.open_console("console:a", SerialPort(str(adapter.path)), None)
    keeper.open_console("console:a", SerialPort(str(adapter.path)), None, within=Deadline.after(5))


class Listening:
    """A serial server that takes one connection after another."""

    def __enter__(self) -> Listening:
        self._stack = ExitStack()
        self._listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._listener.settimeout(10)
        self.port: int = self._listener.getsockname()[1]
        return self

    def accept(self) -> socket.socket:
        return self._stack.enter_context(self._listener.accept()[0])

    def __exit__(self, *_: object) -> None:
        self._stack.close()
