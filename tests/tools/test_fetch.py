"""Downloads against a local server that breaks off, lies and fails."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.errors import InfrastructureError, UsageError
from hil.tools.cache import Cache
from hil.tools.fetch import DigestMismatch, fetch, parse_content_range, shown
from hil.tools.progress import Step, quiet

BODY = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(BODY).hexdigest()


@dataclass
class Behaviour:
    """What the server does next, and what it was asked."""

    body: bytes = BODY
    tag: str | None = '"one"'
    ranges: bool = True
    status: int = 200
    cut_at: list[int] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_GET(self) -> None:
        b = self.behaviour
        b.asked.append({name.lower(): value for name, value in self.headers.items()})
        if b.status != 200:
            self.send_error(b.status)
            return
        start = 0
        wanted = self.headers.get("Range")
        if wanted and b.ranges and self.headers.get("If-Range", b.tag) == b.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(b.body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(b.body) - 1}/{len(b.body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(b.body) - start))
        if b.tag:
            self.send_header("ETag", b.tag)
        self.end_headers()
        part = b.body[start:]
        self.wfile.write(part[: b.cut_at.pop(0)] if b.cut_at else part)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class Server:
    url: str
    behaviour: Behaviour


@pytest.fixture
def server() -> Iterator[Server]:
    behaviour = Behaviour()
    handler = type("OneHandler", (Handler,), {"behaviour": behaviour})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Server(f"http://127.0.0.1:{http.server_port}/image", behaviour)
        finally:
            http.shutdown()
            thread.join()


def get(server: Server, cache: Cache, digest: str = DIGEST, url: str = "") -> Path:
    return fetch(url or server.url, digest, cache, progress=quiet, deadline=Deadline.after(20))


def test_it_is_fetched_once(server: Server, tmp_path: Path) -> None:
    steps: list[Step] = []
    cache = Cache(tmp_path)
    first = fetch(server.url, DIGEST.upper(), cache, progress=steps.append, deadline=Deadline.after(20))
    assert first.read_bytes() == BODY
    assert get(server, cache) == first
    assert len(server.behaviour.asked) == 1
    assert (steps[-1].done, steps[-1].total, steps[-1].unit) == (len(BODY), len(BODY), "bytes")
    assert list((tmp_path / "partial").iterdir()) == []


def test_it_goes_on_where_the_connection_broke(server: Server, tmp_path: Path) -> None:
    server.behaviour.cut_at = [500_000, 100_000]
    assert get(server, Cache(tmp_path)).read_bytes() == BODY
    assert [asked.get("range") for asked in server.behaviour.asked] == [None, "bytes=500000-", "bytes=600000-"]
    assert server.behaviour.asked[1]["if-range"] == '"one"'


def test_a_later_process_goes_on_too(server: Server, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.partial(DIGEST).write_bytes(BODY[:700_000])
    assert get(server, cache).read_bytes() == BODY
    assert server.behaviour.asked[0]["range"] == "bytes=700000-"


def test_the_rest_of_another_version_is_not_kept(server: Server, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.partial(DIGEST).write_bytes(b"?" * 700_000)
    assert get(server, cache).read_bytes() == BODY
    assert len(server.behaviour.asked) == 2


def test_what_is_complete_already_is_only_checked(server: Server, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.partial(DIGEST).write_bytes(BODY)
    assert get(server, cache).read_bytes() == BODY


def test_a_server_without_ranges_begins_anew(server: Server, tmp_path: Path) -> None:
    server.behaviour.ranges = False
    server.behaviour.tag = None
    server.behaviour.cut_at = [500_000]
    assert get(server, Cache(tmp_path)).read_bytes() == BODY


def test_it_gives_up_when_nothing_comes_and_keeps_what_came(server: Server, tmp_path: Path) -> None:
    server.behaviour.cut_at = [1000, 0, 0, 0, 0, 0]
    cache = Cache(tmp_path)
    with pytest.raises(InfrastructureError, match=r"could not be fetched \(1000 bytes came\): "):
        get(server, cache)
    server.behaviour.cut_at = []
    assert get(server, cache).read_bytes() == BODY
    assert server.behaviour.asked[-1]["range"] == "bytes=1000-"


def test_a_time_is_named_only_where_it_is_over(server: Server, tmp_path: Path) -> None:
    server.behaviour.cut_at = [1000]
    with pytest.raises(InfrastructureError, match=r"could not be fetched within 0 s \(1?0+ bytes came\): "):
        fetch(server.url, DIGEST, Cache(tmp_path), progress=quiet, deadline=Deadline.after(0))


def test_another_file_is_refused_with_both_digests(server: Server, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(DigestMismatch) as caught:
        get(server, cache, "0" * 64)
    assert caught.value.found == DIGEST
    assert f"its sha256 is {DIGEST}, expected was {'0' * 64}" in caught.value.message
    assert cache.entries() == []
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_missing_file_is_said_at_once(server: Server, tmp_path: Path) -> None:
    server.behaviour.status = 404
    with pytest.raises(InfrastructureError, match="the server answered 404"):
        get(server, Cache(tmp_path))
    assert len(server.behaviour.asked) == 1


def test_a_dead_server_is_said_without_the_secrets_of_the_url(tmp_path: Path, server: Server) -> None:
    port = server.url.split(":")[2].split("/")[0]
    server.behaviour.status = 500
    url = f"http://user:password@127.0.0.1:{port}/image?token=secret"
    with pytest.raises(InfrastructureError) as caught:
        get(server, Cache(tmp_path), url=url)
    assert server.behaviour.asked[0]["authorization"].startswith("Basic ")
    for secret in ("password", "token", "secret"):
        assert secret not in caught.value.render()


def test_nobody_listening_is_said_without_the_query(tmp_path: Path) -> None:
    import socket

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/image?token=secret"
        with pytest.raises(InfrastructureError, match="could not be fetched") as caught:
            fetch(url, DIGEST, Cache(tmp_path), progress=quiet, deadline=Deadline.after(2))
    assert "secret" not in caught.value.render()


@pytest.mark.parametrize("url", ["ftp://host/x", "/etc/passwd", "http://", "http://[", "http://h:0/"])
def test_what_is_no_url_is_a_usage_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not an http or https URL"):
        fetch(url, DIGEST, Cache(tmp_path), progress=quiet, deadline=Deadline.after(1))


def test_what_is_no_digest_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        fetch("http://h/x", "abc", Cache(tmp_path), progress=quiet, deadline=Deadline.after(1))


def test_an_empty_file_is_a_file(server: Server, tmp_path: Path) -> None:
    server.behaviour.body = b""
    assert get(server, Cache(tmp_path), hashlib.sha256(b"").hexdigest()).read_bytes() == b""


def test_shown_leaves_secrets_out() -> None:
    assert shown("https://user:pw@host:8/path?sig=1#f") == "https://host:8/path"


@given(st.text(max_size=60) | st.from_regex(r"bytes [0-9]{0,4}-[0-9]{0,4}/([0-9]{0,4}|\*)", fullmatch=True))
def test_any_content_range_is_consistent_or_none(text: str) -> None:
    found = parse_content_range(text)
    if found is not None:
        assert 0 <= found.first <= found.last
        assert found.total is None or found.last < found.total
