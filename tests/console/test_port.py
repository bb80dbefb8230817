"""Ports: never waiting, the same end for each kind, and errors that name what is wrong."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.console import serial_line
from hil.console.port import (
    BadPortSpec,
    NoPort,
    Port,
    PortClosed,
    PortSpec,
    PtyPort,
    Rfc2217Port,
    SerialPort,
    TcpPort,
    UnixPort,
    from_json,
    open_port,
)
from hil.console.serial_line import holders
from hil.errors import InfrastructureError

SPECS = st.one_of(
    st.builds(UnixPort, path=st.text()),
    st.builds(TcpPort, host=st.text(), port=st.integers()),
    st.builds(PtyPort, path=st.text()),
    st.builds(
        SerialPort,
        path=st.text(),
        baud=st.integers(),
        parity=st.text(),
        stop_bits=st.integers(),
        rtscts=st.booleans(),
    ),
    st.builds(
        Rfc2217Port,
        host=st.text(),
        port=st.integers(),
        baud=st.integers(),
        parity=st.text(),
        stop_bits=st.integers(),
        rtscts=st.booleans(),
    ),
    st.just(NoPort()),
)


@given(SPECS)
def test_a_spec_comes_back_from_json(spec: PortSpec) -> None:
    assert from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "a port's kind is one of unix, tcp, pty, serial, rfc2217, none; not None"),
        ({"kind": "usb"}, "not 'usb'"),
        ({"kind": ["unix"]}, r"not \['unix'\]"),
        ({"kind": "unix"}, "has the fields path; not"),
        ({"kind": "unix", "path": "a", "mode": 1}, "not path, mode"),
        ({"kind": "tcp", "host": "a", "port": "80"}, "port of a tcp port is of type int; not '80'"),
        ({"kind": "tcp", "host": "a", "port": True}, "not True"),
    ],
)
def test_a_document_that_is_no_port_is_refused(document: dict[str, object], message: str) -> None:
    with pytest.raises(BadPortSpec, match=message):
        from_json(document)


class End:
    """The far side of a port."""

    def __init__(self, spec: PortSpec, far: Callable[[], int], close: Callable[[], None]) -> None:
        self.spec, self._far, self.close = spec, far, close

    @property
    def fd(self) -> int:
        return self._far()


def unix_end(folder: Path) -> End:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    return listening(listener, UnixPort(str(folder / "s")))


def tcp_end(folder: Path) -> End:
    listener = socket.create_server(("127.0.0.1", 0))
    return listening(listener, TcpPort("127.0.0.1", listener.getsockname()[1]))


def listening(listener: socket.socket, spec: PortSpec) -> End:
    listener.listen()
    accepted: list[socket.socket] = []

    def far() -> int:
        if not accepted:
            accepted.append(listener.accept()[0])
        return accepted[0].fileno()

    def close() -> None:
        for each in [*accepted, listener]:
            each.close()

    return End(spec, far, close)


def pty_end(folder: Path, kind: type[PtyPort | SerialPort] = PtyPort) -> End:
    master, slave = os.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    os.close(slave)
    open_ends = [master]

    def close() -> None:
        while open_ends:
            os.close(open_ends.pop())

    return End(kind(name), lambda: master, close)


def serial_end(folder: Path) -> End:
    return pty_end(folder, SerialPort)


@pytest.fixture(params=[unix_end, tcp_end, pty_end, serial_end], ids=["unix", "tcp", "pty", "serial"])
def end(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[End]:
    end = request.param(tmp_path)
    yield end
    end.close()


@pytest.fixture
def port(end: End) -> Iterator[Port]:
    port = open_port(end.spec)
    yield port
    port.close()


def readable(port: Port) -> None:
    assert select.select([port], [], [], 5)[0], "nothing arrived within 5 s"


def test_bytes_go_through_unchanged_both_ways(end: End, port: Port) -> None:
    every = bytes(range(256))
    far = end.fd
    assert port.read(100) == b""
    os.write(far, every)
    got = b""
    while len(got) < 256:
        readable(port)
        got += port.read(100)
    assert got == every
    assert port.write(every) == 256
    back = b""
    while len(back) < 256:
        back += os.read(far, 300)
    assert back == every


def test_a_far_side_that_goes_away_is_the_end(end: End, port: Port) -> None:
    os.write(end.fd, b"last")
    readable(port)
    assert port.read(100) == b"last"
    end.close()
    readable(port)
    with pytest.raises(PortClosed):
        port.read(100)


def test_a_full_port_takes_nothing_and_does_not_wait(end: End, port: Port) -> None:
    assert end.fd >= 0
    taken = [port.write(b"x" * 65536) for _ in range(200)]
    assert taken[0] > 0
    assert taken[-1] == 0


def test_writing_to_what_has_gone_is_the_end(end: End, port: Port) -> None:
    assert end.fd >= 0
    end.close()

    def write_until_noticed() -> None:
        for _ in range(50):
            port.write(b"x")
            select.select([], [], [], 0.01)

    with pytest.raises(PortClosed):
        write_until_noticed()


def test_closing_twice_does_no_harm(port: Port) -> None:
    assert not port.closed
    port.close()
    port.close()
    assert port.closed
    assert port.fileno() == -1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (UnixPort("/nowhere/s"), "console socket /nowhere/s cannot be opened: No such file or directory"),
        (UnixPort("/" + "x" * 200), "cannot be opened: AF_UNIX path too long"),
        (TcpPort("127.0.0.1", 1), "console at 127.0.0.1:1 cannot be reached: Connection refused"),
        (TcpPort("127.0.0.1", 99999), "cannot be reached"),
        (PtyPort("/dev/pts/999999"), "console terminal /dev/pts/999999 cannot be opened: No such file"),
        (PtyPort("/dev/null"), "console terminal /dev/null exists but is no terminal"),
        (SerialPort("/dev/ttyNONE0"), "serial line /dev/ttyNONE0 does not exist"),
        (SerialPort("/dev/null"), "/dev/null exists but is no serial line"),
    ],
)
def test_a_port_that_cannot_be_opened_is_named_with_the_reason(spec: PortSpec, message: str) -> None:
    with pytest.raises(InfrastructureError, match=message) as refused:
        open_port(spec, within=1)
    assert refused.value.hint


def test_a_line_that_another_program_has_open_is_refused_by_its_name(tmp_path: Path) -> None:
    end = serial_end(tmp_path)
    assert isinstance(end.spec, SerialPort)
    with (
        FileIO(os.open(end.spec.path, os.O_RDWR | os.O_NOCTTY)) as line,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[line.fileno()]) as other,
    ):
        line.close()
        named = rf"serial line {end.spec.path} is held by \S+ \(pid {other.pid}\)"
        with pytest.raises(InfrastructureError, match=named):
            open_port(end.spec)
        assert len(holders(end.spec.path)) == 1
        other.communicate(b"\n")
    open_port(end.spec).close()
    end.close()


def test_a_name_that_the_kernel_cut_through_a_letter_is_a_name(tmp_path: Path) -> None:
    """It keeps 15 bytes of a program's name (proc(5))."""
    end = serial_end(tmp_path)
    assert isinstance(end.spec, SerialPort)
    program = tmp_path / "hoert-auf-der-öffnung"
    program.write_text(f"#!/bin/sh\nexec 3<>{end.spec.path}; echo open; read gone\n")
    program.chmod(0o755)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert holders(end.spec.path) == [f"hoert-auf-der-\N{REPLACEMENT CHARACTER} (pid {other.pid})"]
        other.communicate(b"\n")
    end.close()


def test_a_line_that_this_process_holds_is_refused_too(tmp_path: Path) -> None:
    end = serial_end(tmp_path)
    port = open_port(end.spec)
    with pytest.raises(InfrastructureError, match="held by this process already"):
        open_port(end.spec)
    port.close()
    end.close()


def test_settings_that_no_line_has_are_refused(tmp_path: Path) -> None:
    end = serial_end(tmp_path)
    assert isinstance(end.spec, SerialPort)
    with pytest.raises(InfrastructureError, match="cannot be opened at 115200 baud"):
        open_port(SerialPort(end.spec.path, parity="X"))
    end.close()


def test_a_serial_line_has_the_speed_that_was_asked_for(tmp_path: Path) -> None:
    end = serial_end(tmp_path)
    assert isinstance(end.spec, SerialPort)
    port = open_port(SerialPort(end.spec.path, baud=9600))
    assert termios.tcgetattr(port.fileno())[4:6] == [termios.B9600, termios.B9600]
    port.close()
    end.close()


def test_a_serial_line_that_is_pulled_while_it_is_opened_is_an_error_as_others_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    master, line = os.openpty()
    path = os.ttyname(line)
    os.close(line)

    def pulled(descriptor: int) -> None:
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr(serial_line, "_let_hang_up_be_seen", pulled)
    try:
        with pytest.raises(InfrastructureError, match="Input/output error"):
            open_port(SerialPort(path))
        assert not holders(path)
    finally:
        os.close(master)


def test_pyserial_is_imported_for_serial_lines_alone() -> None:
    code = "import sys, hil.console.port, hil.console.console; sys.exit('serial' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_line_at_all_is_silent_and_takes_everything() -> None:
    port = open_port(NoPort())
    assert select.select([port], [], [], 0)[0] == []
    assert (port.read(100), port.write(b"anything"), port.closed) == (b"", 8, False)
    port.close()
    port.close()
    assert port.closed
