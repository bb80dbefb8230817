"""A control server in headscale's place: HTTPS on a unix socket, with a test's answers; notes what it is asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

from hil.services.tailnet.ca import Authority


@dataclass
class FakeHeadscale:
    """What it answers, and what it was asked.

    Args:
        answers: status and body by "METHOD PATH"; what is not here is 404.
    """

    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, object], str]] = field(default_factory=list)

    def set(self, request: str, document: object, status: int = 200) -> None:
        """Answer a request with JSON."""
        self.answers[request] = (status, json.dumps(document).encode())


@contextmanager
def serving(path: Path, authority: Authority, fake: FakeHeadscale) -> Iterator[Path]:
    """Serve on a unix socket until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = f"{self.command} {self.path}"
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.asked.append((request, json.loads(body or b"{}"), self.headers.get("Authorization", "")))
            status, answer = fake.answers.get(request, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingUnixStreamServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us hangs up."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate, authority.key)
    with Server(str(path), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()
