"""Those who listen where Talos should, and are not Talos: each takes connections and does one thing with them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

Treat = Callable[[socket.socket], None]
"""Does something with one connection; it is closed afterwards."""


@contextlib.contextmanager
def stranger(treat: Treat, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Listens on a port of 127.0.0.1, which is given, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                taken.append(connection)
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            spoken = connection if context is None else context.wrap_socket(connection, server_side=True)
            with spoken:
                treat(spoken)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in taken:
            connection.close()
        thread.join(5)


def silent(connection: socket.socket) -> None:
    """Takes all and says nothing."""
    while connection.recv(4096):
        pass


def hangs_up(connection: socket.socket) -> None:
    """Ends at once, as a forwarded port does whose guest refuses."""


def says(data: bytes) -> Treat:
    """Says that, whatever it is told."""

    def treat(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(data)
        silent(connection)

    return treat


def leads_to(*ports: int) -> Treat:
    """A forwarded port whose first connection leads to the first of the ports, and each later one to the next."""
    left = list(ports)

    def treat(connection: socket.socket) -> None:
        port = left.pop(0) if len(left) > 1 else left[0]
        with socket.create_connection(("127.0.0.1", port)) as far:
            back = threading.Thread(target=_pump, args=(far, connection), daemon=True)
            back.start()
            _pump(connection, far)
            back.join(5)

    return treat


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def web_server(connection: socket.socket) -> None:
    """Speaks HTTP/2, and knows no gRPC."""
    http = H2Connection(H2Configuration(client_side=False))
    http.initiate_connection()
    connection.sendall(http.data_to_send())
    while data := connection.recv(65536):
        for event in http.receive_data(data):
            if isinstance(event, RequestReceived):
                http.send_headers(event.stream_id, [(":status", "200"), ("content-type", "text/html")])
                http.send_data(event.stream_id, b"<html>", end_stream=True)
        connection.sendall(http.data_to_send())
