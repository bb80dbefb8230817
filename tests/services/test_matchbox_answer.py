"""What Matchbox answers to a URL of its machines', with a stand-in on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.errors import InfrastructureError, NodeError, UsageError
from hil.services.matchbox.answer import answer, without_query

SEEN = HostPort("10.0.2.100", 8080)


class Handler(BaseHTTPRequestHandler):
    """Answers with the path it was asked for."""

    def do_GET(self) -> None:
        self.send_response(404 if self.path.startswith("/gone") else 200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


def soon() -> Deadline:
    return Deadline.after(10)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://10.0.2.100:8080/generic?mac=52-54-00-00-00-01&x=%2F", "/generic?mac=52-54-00-00-00-01&x=%2F"),
        ("http://10.0.2.100:8080", "/"),
        ("HTTP://10.0.2.100:8080?a=b#c", "/?a=b"),
    ],
)
def test_the_path_is_asked_as_it_is_written(address: tuple[str, int], url: str, path: str) -> None:
    assert answer(url, seen=SEEN, address=address, deadline=soon()) == path.encode()


def test_port_80_need_not_be_said(address: tuple[str, int]) -> None:
    seen = HostPort("matchbox.lan", 80)
    assert answer("http://Matchbox.lan/c", seen=seen, address=address, deadline=soon()) == b"/c"


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.2.100:8081/c?token=canary",
        "http://10.0.2.101:8080/c?token=canary",
        "https://10.0.2.100:8080/c?token=canary",
        "http://canary@10.0.2.101/c",
        "http://10.0.2.100:808o/c?token=canary",
        "http://[10/c?token=canary",
        "metal-iso",
    ],
)
def test_another_servers_url_is_not_asked(url: str) -> None:
    with pytest.raises(UsageError, match="which is not the bench's Matchbox: machines find that at http:") as caught:
        answer(url, seen=SEEN, address=("127.0.0.1", 1), deadline=soon())
    assert "canary" not in str(caught.value)


def test_what_matchbox_does_not_have(address: tuple[str, int]) -> None:
    with pytest.raises(
        NodeError, match=r"Matchbox answers 404 to http://10\.0\.2\.100:8080/gone: it has no"
    ) as caught:
        answer("http://10.0.2.100:8080/gone?token=canary", seen=SEEN, address=address, deadline=soon())
    assert "canary" not in str(caught.value)


def test_a_matchbox_that_is_gone_is_the_benchs_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(InfrastructureError, match="does not answer: "):
        answer("http://10.0.2.100:8080/c", seen=SEEN, address=address, deadline=soon())


@pytest.mark.parametrize("seconds", [0.05, 0])
def test_a_matchbox_that_hangs_is_given_up(seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(InfrastructureError, match="timed out"):
        answer("http://10.0.2.100:8080/c", seen=SEEN, address=server.getsockname(), deadline=Deadline.after(seconds))


@given(st.text())
def test_no_url_raises_in_a_message(url: str) -> None:
    assert "?" not in without_query(url)
