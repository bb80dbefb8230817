"""What answers as a tailscaled or a containerboot does: HTTP on a real socket, with bodies that a test gives."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from urllib.parse import urlsplit


class Answers:
    """What is answered to each path, and what was asked.

    Args:
        bodies: status and body for each path; a path that is not there is 404.
    """

    def __init__(self, bodies: dict[str, tuple[int, bytes]]) -> None:
        self.bodies = bodies
        self.asked: list[str] = []
        self.hosts: set[str] = set()
        self.silent: set[str] = set()
        """Paths that are taken and never answered, until `over`."""
        self.over = threading.Event()

    def set(self, path: str, body: object, status: int = 200) -> None:
        """Answer a path with a JSON document from now on."""
        self.bodies[path] = status, json.dumps(body).encode()


def _handler(answers: Answers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            path = urlsplit(self.path).path
            answers.asked.append(f"{self.command} {self.path}")
            answers.hosts.add(self.headers.get("Host", ""))
            if path in answers.silent:
                answers.over.wait(30)
                return
            status, body = answers.bodies.get(path, (404, b"not found\n"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing on the terminal."""

        def address_string(self) -> str:
            return "test"

    return Handler


class _Quiet:
    """A client that hangs up early is what some tests are about."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            raise


class _Unix(_Quiet, ThreadingMixIn, UnixStreamServer):
    pass


class _Tcp(_Quiet, ThreadingHTTPServer):
    pass


@contextmanager
def on_unix(path: Path, answers: Answers) -> Iterator[Path]:
    """Answers on a unix socket, as tailscaled's LocalAPI."""
    with _Unix(str(path), _handler(answers)) as server, _served(server, answers):
        yield path


@contextmanager
def on_tcp(answers: Answers) -> Iterator[tuple[str, int]]:
    """Answers on a port of the loopback, as containerboot's /healthz."""
    with _Tcp(("127.0.0.1", 0), _handler(answers)) as server, _served(server, answers):
        yield "127.0.0.1", server.server_port


@contextmanager
def _served(server: _Unix | _Tcp, answers: Answers) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        answers.over.set()
        server.shutdown()
        thread.join()


STATUS = "/localapi/v0/status"
PING = "/localapi/v0/ping"


def member(
    hostname: str = "node1", address: str = "100.64.0.2", *, online: bool = True, **changes: object
) -> dict[str, object]:
    """A PeerStatus as Go writes it, as far as hil reads it."""
    return {
        "ID": "2",
        "HostName": hostname,
        "DNSName": f"{hostname}.tailnet.test.",
        "TailscaleIPs": [address, "fd7a:115c:a1e0::2"],
        "Addrs": None,
        "CurAddr": "",
        "Relay": "bench",
        "LastSeen": "0001-01-01T00:00:00Z",
        "Online": online,
        **changes,
    }


def status(*peers: dict[str, object], state: str = "Running", **changes: object) -> dict[str, object]:
    """A Status as Go writes it: that of a peer of the bench."""
    return {
        "Version": "1.102.3",
        "TUN": False,
        "BackendState": state,
        "TailscaleIPs": ["100.64.0.1"],
        "Self": member("bench-peer", "100.64.0.1", ID="1"),
        "Health": [],
        "Peer": {f"nodekey:{number}": peer for number, peer in enumerate(peers)} or None,
        **changes,
    }


def pong(**changes: object) -> dict[str, object]:
    """A PingResult as Go writes it: a pong that came by the relay."""
    return {
        "IP": "100.64.0.2",
        "NodeIP": "100.64.0.2",
        "NodeName": "node1",
        "Err": "",
        "LatencySeconds": 0.0125,
        "Endpoint": "",
        "PeerRelay": "",
        "DERPRegionID": 999,
        "DERPRegionCode": "bench",
        **changes,
    }
