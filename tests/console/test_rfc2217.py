"""A line behind a serial server: against pyserial's own server side, and against servers that do otherwise."""

from __future__ import annotations

import os
import select
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import serial
import serial.rfc2217

from hil.clock import Deadline
from hil.console.port import Port, PortClosed, Rfc2217Port, open_port
from hil.errors import InfrastructureError

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A serial server for one connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


class Line(serial.Serial):  # type: ignore[misc]
    """A pty as a serial line: it has no modem lines to be asked for."""

    cts = dsr = ri = cd = False


class Pyserials:
    """pyserial's PortManager before a pty; `setting` is what its line is set to."""

    def __init__(self) -> None:
        self.board, slave = os.openpty()
        tty.setraw(slave)
        self.line = Line(os.ttyname(slave), timeout=0)
        os.close(slave)

    def __call__(self, connection: socket.socket) -> None:
        class Out:
            def write(self, data: bytes) -> None:
                connection.sendall(data)

        manager = serial.rfc2217.PortManager(self.line, Out())
        while True:
            ready, _, _ = select.select([connection, self.line], [], [], 10)
            if connection in ready:
                data = connection.recv(1000)
                if not data:
                    break
                self.line.write(b"".join(manager.filter(data)))
            if self.line in ready:
                connection.sendall(b"".join(manager.escape(self.line.read(1000))))

    def close(self) -> None:
        self.line.close()
        os.close(self.board)


def heard(port: Port, count: int) -> bytes:
    data, deadline = b"", Deadline.after(10)
    while len(data) < count and select.select([port], [], [], deadline.remaining())[0]:
        data += port.read(1000)
    return data


def test_bytes_and_setting_with_pyserials_server() -> None:
    served = Pyserials()
    with server(served) as at:
        port = open_port(Rfc2217Port("127.0.0.1", at, 57600, "N", 2), within=10)
        every = bytes(range(256)) * 2
        os.write(served.board, every)
        assert heard(port, len(every)) == every
        left = memoryview(every)
        while left:
            left = left[port.write(bytes(left)) :]
        back = b""
        while len(back) < len(every):
            back += os.read(served.board, 1000)
        assert back == every
        assert (served.line.baudrate, served.line.parity, served.line.stopbits) == (57600, "N", 2)
        port.close()
    served.close()


def test_the_line_is_set_by_the_frames_of_the_standard() -> None:
    """RFC 2217, section 3: SET-DATASIZE 8, SET-PARITY 3 (even), SET-STOPSIZE 1, SET-CONTROL 3 (hardware)."""
    asked = bytearray()

    def serve(connection: socket.socket) -> None:
        while not asked.endswith(b"\xff\xfa\x2c\x05\x03\xff\xf0"):
            asked.extend(connection.recv(1000))
        connection.sendall(b"\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0")

    with server(serve) as at:
        open_port(Rfc2217Port("127.0.0.1", at, 9600, "E", 1, rtscts=True), within=10).close()
    assert bytes.fromhex("fffa2c0100002580fff0 fffa2c0208fff0 fffa2c0303fff0 fffa2c0401fff0 fffa2c0503fff0") in asked


def says(*words: bytes) -> Serve:
    """A server that hears, says this, and waits for the other side to go."""

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        for each in words:
            connection.sendall(each)
        while connection.recv(1000):
            pass

    return serve


@pytest.mark.parametrize(
    ("serve", "within", "words"),
    [
        (says(b"login: "), 0.3, r"said nothing of its line's speed within 0\.3 s"),
        (says(b"\xff\xfe\x2c"), 10, "refuses RFC 2217"),
        (says(b"\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0"), 10, "has set its line to 9600 baud and not to 115200"),
        (lambda connection: None, 10, "hung up while its line was set"),
    ],
    ids=["silent", "no", "another speed", "gone"],
)
def test_a_server_that_does_not_set_its_line(serve: Serve, within: float, words: str) -> None:
    with server(serve) as at, pytest.raises(InfrastructureError, match=words):
        open_port(Rfc2217Port("127.0.0.1", at), within=within)


def test_what_came_with_the_answer_is_not_lost_and_an_end_is_an_end() -> None:
    answer = b"\xff\xfa\x2c\x65\x00\x01\xc2\x00\xff\xf0"
    with server(lambda connection: connection.sendall(b"early " + answer + b"late")) as at:
        port = open_port(Rfc2217Port("127.0.0.1", at), within=10)
        assert heard(port, 10) == b"early late"
        with pytest.raises(PortClosed):
            heard(port, 1)
        port.close()


def test_a_byte_that_is_two_on_the_wire_is_not_doubled_where_the_socket_is_full() -> None:
    """The socket takes what it can; whatever that is, the server gets each byte once."""
    answer, got = b"\xff\xfa\x2c\x65\x00\x01\xc2\x00\xff\xf0", bytearray()
    go = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(answer)
        go.wait(10)
        while data := connection.recv(1 << 16):
            got.extend(data)

    total = 3_000_001
    with server(serve) as at:
        port = open_port(Rfc2217Port("127.0.0.1", at), within=10)
        sent, deadline = 0, Deadline.after(20)
        while sent < total and not deadline.expired:
            taken = port.write(b"\xff" * min(total - sent, 4099))
            sent += taken
            if not taken:
                go.set()
                select.select([], [port], [], 1)
        go.set()
        port.close()
    assert bytes(got).lstrip(b"\xfa\xfb\xfd\xfe\x2c\x00\x01\x02\x03\x04\x05").count(b"\xff") >= 2 * total
    assert len(got) - 2 * total < 100
