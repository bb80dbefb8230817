"""The relay as QEMU runs it: a script whose descriptors 0, 1 and 2 are one connected socket."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hil.netboot.user

RELAY = Path(hil.netboot.user.__file__).with_name("relay.py")
SECONDS = 20.0


@contextmanager
def relayed(target: int | Path) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """The guest's end of a connection that a relay joins to a port, or to a unix socket, and the relay."""
    guest, end = socket.socketpair()
    guest.settimeout(SECONDS)
    words = [str(target)] if isinstance(target, Path) else ["127.0.0.1", str(target)]
    argv = [sys.executable, "-I", "-S", "-E", str(RELAY), *words]
    with guest, subprocess.Popen(argv, stdin=end, stdout=end, stderr=end) as process:
        end.close()
        try:
            yield guest, process
        finally:
            process.kill()


@contextmanager
def service(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose first connection is given to `serve`."""

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(SECONDS)
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(SECONDS)
        assert not thread.is_alive()


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_request_and_answer() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"answer to " + connection.recv(100))

    with service(serve) as port, relayed(port) as (guest, process):
        guest.sendall(b"request")
        assert guest.recv(100) == b"answer to request"
        guest.shutdown(socket.SHUT_WR)
        assert read_all(guest) == b""
        assert process.wait(SECONDS) == 0


def test_guest_that_has_said_all_still_gets_its_answer() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(hashlib.sha256(read_all(connection)).digest())

    sent = bytes(range(256)) * 4096
    with service(serve) as port, relayed(port) as (guest, process):
        guest.sendall(sent)
        guest.shutdown(socket.SHUT_WR)
        assert read_all(guest) == hashlib.sha256(sent).digest()
        assert process.wait(SECONDS) == 0


def test_service_that_has_said_all_still_hears() -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"go on")
        connection.shutdown(socket.SHUT_WR)
        heard.append(read_all(connection))

    with service(serve) as port, relayed(port) as (guest, process):
        assert read_all(guest) == b"go on"
        guest.sendall(b"later words")
        guest.shutdown(socket.SHUT_WR)
        assert process.wait(SECONDS) == 0
    assert heard == [b"later words"]


def test_kernel_sized_answer_to_a_reader_that_is_slow_at_first() -> None:
    sent = bytes(range(251)) * 130_000
    started = threading.Event()

    def serve(connection: socket.socket) -> None:
        started.set()
        connection.sendall(sent)

    with service(serve) as port, relayed(port) as (guest, process):
        assert started.wait(SECONDS)
        guest.shutdown(socket.SHUT_WR)
        assert hashlib.sha256(read_all(guest)).digest() == hashlib.sha256(sent).digest()
        assert process.wait(SECONDS) == 0


def test_unreachable_target_closes_at_once_without_a_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    for target in (port, Path("/nonexistent/socket")):
        with relayed(target) as (guest, process):
            assert read_all(guest) == b""
            assert process.wait(SECONDS) == 1


def test_a_unix_socket_is_a_service_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "service"))
        listener.listen()
        listener.settimeout(SECONDS)
        with relayed(tmp_path / "service") as (guest, process):
            guest.sendall(b"request")
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(100) == b"request"
                connection.sendall(b"answer")
            guest.shutdown(socket.SHUT_WR)
            assert read_all(guest) == b"answer"
            assert process.wait(SECONDS) == 0


def test_guest_that_goes_away_ends_the_relay_without_a_word() -> None:
    def serve(connection: socket.socket) -> None:
        try:
            while True:
                connection.sendall(bytes(1 << 16))
        except OSError:
            return

    with service(serve) as port, relayed(port) as (guest, process):
        guest.recv(1)
        guest.close()
        assert process.wait(SECONDS) == 1
