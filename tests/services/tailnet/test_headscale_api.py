"""headscale's REST API: what is asked, what the answers come to, and that no message has a key in it."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_headscale import FakeHeadscale, serving

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services.tailnet import http_access
from hil.services.tailnet.ca import Authority, make_authority
from hil.services.tailnet.control import ControlServer, TailnetNode
from hil.services.tailnet.headscale_api import HeadscaleApi
from hil.services.tailnet.headscale_json import parse_key, parse_nodes, parse_nothing, parse_reason, parse_user
from hil.services.tailnet.http_access import Access

WITHIN = 10.0
SECRET = "hskey-api-abc-topsecret"
ONLINE = {
    "id": "2", "machineKey": "mkey:1", "nodeKey": "nodekey:1", "discoKey": "discokey:1",
    "ipAddresses": ["100.64.0.2", "fd7a:115c:a1e0::2"], "name": "dut",
    "user": {"id": "1", "name": "bench", "createdAt": "2026-11-25T19:00:00Z", "displayName": ""},
    "lastSeen": "2026-11-25T19:40:00.123456789Z", "expiry": None, "preAuthKey": None,
    "createdAt": "2026-11-25T19:39:00Z", "registerMethod": "REGISTER_METHOD_AUTH_KEY", "givenName": "dut-1",
    "online": True, "approvedRoutes": [], "availableRoutes": [], "subnetRoutes": [], "tags": ["tag:a"],
}  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"), "10.0.2.100", bench="b")


@pytest.fixture
def fake() -> FakeHeadscale:
    return FakeHeadscale()


@pytest.fixture
def api(fake: FakeHeadscale, authority: Authority, tmp_path: Path) -> Iterator[HeadscaleApi]:
    with serving(tmp_path / "s", authority, fake) as path:
        yield HeadscaleApi(Access("https://10.0.2.100:8443", authority.ca_pem, path), SECRET)


def soon() -> Deadline:
    return Deadline.after(WITHIN)


def test_nodes(api: HeadscaleApi, fake: FakeHeadscale) -> None:
    silent = {"id": "3", "name": "x", "givenName": "x", "expiry": "0001-01-01T00:00:00Z", "user": None}
    ending = {**ONLINE, "online": False, "expiry": "2026-11-26T01:00:00+01:00"}
    fake.set("GET /api/v1/node", {"nodes": [ONLINE, silent, ending]})
    asked: ControlServer = api
    first, second, third = asked.nodes(soon())
    assert first == TailnetNode(
        ident=2,
        hostname="dut",
        given_name="dut-1",
        user="bench",
        addresses=("100.64.0.2", "fd7a:115c:a1e0::2"),
        online=True,
        last_seen=datetime(2026, 11, 25, 19, 40, 0, 123456, tzinfo=UTC),
        key_expiry=None,
        tags=("tag:a",),
    )
    assert second == TailnetNode(3, "x", "x", "", (), False, None, None, ())
    assert (third.online, third.key_expiry) == (False, datetime(2026, 11, 26, tzinfo=UTC))
    assert fake.asked == [("GET /api/v1/node", {}, f"Bearer {SECRET}")]


def test_what_changes_it(api: HeadscaleApi, fake: FakeHeadscale) -> None:
    fake.set("POST /api/v1/user", {"user": {"id": "7", "name": "bench"}})
    fake.set("POST /api/v1/preauthkey", {"preAuthKey": {"key": "hskey-auth-x", "reusable": False}})
    fake.set("DELETE /api/v1/node/3", {})
    fake.set("POST /api/v1/node/3/expire", {"node": ONLINE})
    user = api.create_user("bench", soon())
    before = datetime.now(UTC)
    assert api.one_time_key(user, valid_for=timedelta(hours=-1), deadline=soon(), tags=["tag:a"]) == "hskey-auth-x"
    api.delete_node(3, soon())
    api.expire_node("3", soon())
    requests = [request for request, _, _ in fake.asked]
    assert requests == [
        "POST /api/v1/user", "POST /api/v1/preauthkey", "DELETE /api/v1/node/3", "POST /api/v1/node/3/expire",
    ]  # fmt: skip
    assert fake.asked[0][1] == {"name": "bench"}
    wanted = dict(fake.asked[1][1])
    expiry = datetime.fromisoformat(str(wanted.pop("expiration")))
    assert wanted == {"user": "7", "reusable": False, "ephemeral": False, "aclTags": ["tag:a"]}
    assert timedelta(minutes=59) < before - expiry < timedelta(hours=1, seconds=WITHIN)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"Unauthorized", r"was refused \(401\): the API key is not valid there"),
        (500, b'{"code": 13, "message": "no such user"}', "was answered with 500: no such user"),
        (502, b"<html>", "was answered with 502: '<html>'"),
        (200, b"<html>", r"was not answered as headscale v0\.29\.2 does: Expecting value"),
        (200, b'{"nodes": {}}', "does: it has no list `nodes`"),
    ],
)
def test_trouble_names_the_server_and_never_the_key(
    api: HeadscaleApi, fake: FakeHeadscale, status: int, body: bytes, message: str
) -> None:
    fake.answers["GET /api/v1/node"] = (status, body)
    with pytest.raises(InfrastructureError, match=message) as caught:
        api.nodes(soon())
    assert caught.value.message.startswith("headscale at https://10.0.2.100:8443: GET /api/v1/node")
    assert SECRET not in caught.value.render() + repr(api)


def test_a_server_that_is_gone(authority: Authority, tmp_path: Path) -> None:
    for access in (
        Access("https://10.0.2.100:8443", authority.ca_pem, tmp_path / "gone"),
        Access("http://127.0.0.1:1"),
    ):
        with pytest.raises(InfrastructureError, match="does not answer") as caught:
            HeadscaleApi(access, SECRET).nodes(soon())
        assert SECRET not in caught.value.render()


def test_a_server_by_tcp_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WITHIN)
        heard: list[bytes] = []

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(1 << 16))
                connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"nodes":[]}')

        thread = threading.Thread(target=answer)
        thread.start()
        api = HeadscaleApi(Access(f"http://127.0.0.1:{listener.getsockname()[1]}"), SECRET)
        assert api.nodes(soon()) == ()
        thread.join(WITHIN)
    assert heard[0].startswith(b"GET /api/v1/node HTTP/1.1\r\n")


def test_a_server_that_is_silent_or_says_too_much(
    api: HeadscaleApi, fake: FakeHeadscale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen()
        for scheme, seconds in itertools.product(("http", "https"), (0.1, 0)):
            with pytest.raises(InfrastructureError, match=r"does not answer: .*timed out"):
                Access(f"{scheme}://h", "", tmp_path / "silent").ask("GET", "/", deadline=Deadline.after(seconds))
    monkeypatch.setattr(http_access, "_MOST_BYTES", 100)
    fake.answers["GET /api/v1/node"] = (200, bytes(101))
    with pytest.raises(InfrastructureError, match="does not answer: more than"):
        api.nodes(soon())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ONLINE, "key", "message"]), inner),
    max_leaves=8,
)


@given(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for parse in (parse_nodes, parse_user, parse_key, parse_nothing):
        with suppress(ValueError):
            parse(body)
    assert len(parse_reason(body)) < 1000


@given(st.dictionaries(st.sampled_from(list(ONLINE)), ANYTHING, min_size=1, max_size=4))
def test_any_field_of_a_node_may_be_wrong(changes: dict[str, object]) -> None:
    with suppress(ValueError):
        (node,) = parse_nodes(json.dumps({"nodes": [{**ONLINE, **changes}]}).encode())
        assert isinstance(node.online, bool)
        assert all(isinstance(text, str) for text in (*node.addresses, *node.tags, node.hostname, node.user))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("expiry", "9999-12-31T23:59:59-23:59", "expiry is out of range"),
        ("lastSeen", "2026-11-25T19:40:00", "lastSeen is in no time zone"),
        ("lastSeen", "yesterday", "Invalid isoformat"),
        ("id", "-2", "id is no number"),
        ("id", "1_0", "id is no number"),
        ("id", "٣", "id is no number"),
        ("id", "9" * 5000, "id is no number"),
        ("id", 2, "id is not text"),
        ("tags", [1], "tags is not a list of texts"),
        ("user", "bench", "user is not an object"),
        ("online", "true", "online is neither true nor false"),
    ],
)
def test_a_field_that_is_wrong_is_named(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_nodes(json.dumps({"nodes": [{**ONLINE, field: value}]}).encode())


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_nodes(b"[" * 100_000)


def test_a_key_that_http_cannot_carry_is_named_and_not_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        api = HeadscaleApi(Access(f"http://127.0.0.1:{port}"), f"{SECRET}\nX-Other: 1")
        with pytest.raises(InfrastructureError, match="has a character that HTTP cannot carry") as caught:
            api.nodes(soon())
    assert SECRET not in caught.value.render()
    assert caught.value.__cause__ is None
