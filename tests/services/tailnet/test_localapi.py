"""A tailscaled asked by its LocalAPI: what it says as typed values, and what each silence and each no comes to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.fake_tailscaled import PING, STATUS, Answers, member, on_unix, pong, status

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services.tailnet.localapi import LocalApi
from hil.services.tailnet.status import BackendState, NoPong, Pong, read_ping, read_status

SOON = 5.0


@pytest.fixture
def answers() -> Answers:
    made = Answers({})
    made.set(STATUS, status(member()))
    made.set(PING, pong())
    return made


@pytest.fixture
def api(tmp_path: Path, answers: Answers) -> Iterator[LocalApi]:
    with on_unix(tmp_path / "ts.sock", answers) as path:
        yield LocalApi(path)


def test_the_status_of_a_peer_and_of_its_own_peers(api: LocalApi, answers: Answers) -> None:
    found = api.status(Deadline.after(SOON))
    assert (found.state, found.version, found.health) == (BackendState.RUNNING, "1.102.3", ())
    assert found.own is not None
    assert found.own.addresses[0] == "100.64.0.1"
    (node,) = found.peers
    assert (node.hostname, node.dns_name, node.online) == ("node1", "node1.tailnet.test", True)
    assert (node.last_seen, node.key_expiry, node.tags) == (None, None, ())
    assert answers.hosts == {"local-tailscaled.sock"}


def test_moments_are_read_as_go_writes_them() -> None:
    peer = member(LastSeen="2026-11-25T20:00:00.123456789+01:00", KeyExpiry="2027-05-24T19:00:00Z", Tags=["tag:bench"])
    (node,) = read_status(json.dumps(status(peer)).encode()).peers
    assert node.last_seen == datetime(2026, 11, 25, 19, 0, 0, 123456, tzinfo=UTC)
    assert node.key_expiry == datetime(2027, 5, 24, 19, tzinfo=UTC)
    assert node.tags == ("tag:bench",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2027-05-24T19:00:00", "KeyExpiry has no time zone"),
        ("9999-12-31T23:59:59-23:00", "KeyExpiry is out of range"),
        ("tomorrow", "Invalid isoformat"),
    ],
)
def test_a_moment_that_is_none_of_go_s(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_status(json.dumps(status(member(KeyExpiry=text))).encode())


def test_before_it_has_joined_there_is_little() -> None:
    found = read_status(b'{"BackendState":"NeedsLogin","Self":null,"Health":["You are logged out."],"Peer":null}')
    assert (found.state, found.own, found.peers) == (BackendState.NEEDS_LOGIN, None, ())
    assert found.health == ("You are logged out.",)


def test_a_state_of_a_newer_tailscale_is_no_error() -> None:
    assert read_status(b'{"BackendState":"Dreaming"}').state is BackendState.NEWER


@pytest.mark.parametrize(
    ("changes", "direct", "way"),
    [
        ({}, False, "by relay bench"),
        ({"DERPRegionCode": ""}, False, "by relay region 999"),
        ({"Endpoint": "192.0.2.7:41641", "DERPRegionCode": "", "DERPRegionID": 0}, True, "direct 192.0.2.7:41641"),
        (
            {"PeerRelay": "192.0.2.9:7:vni:1", "DERPRegionCode": "", "DERPRegionID": 0},
            False,
            "by peer relay 192.0.2.9",
        ),
        ({"DERPRegionCode": "", "DERPRegionID": 0}, False, "by a way that it does not tell"),
    ],
)
def test_a_pong_tells_how_it_came(
    api: LocalApi, answers: Answers, changes: dict[str, object], direct: bool, way: str
) -> None:
    answers.set(PING, pong(**changes))
    found = api.ping("100.64.0.2", Deadline.after(SOON))
    assert isinstance(found, Pong)
    assert found.latency == 0.0125
    assert found.direct is direct
    assert found.way.startswith(way)
    assert answers.asked == ["POST /localapi/v0/ping?ip=100.64.0.2&type=disco"]


def test_a_ping_that_tailscaled_cannot_send(api: LocalApi, answers: Answers) -> None:
    answers.set(PING, pong(Err="no matching peer", LatencySeconds=0))
    assert api.ping("100.64.0.9", Deadline.after(SOON)) == NoPong("no matching peer", sent=False)


def test_a_pong_that_does_not_come_is_no_error(api: LocalApi, answers: Answers) -> None:
    answers.silent.add(PING)
    assert api.ping("100.64.0.2", Deadline.after(0.2), "TSMP") == NoPong("no pong within 0.2 s", sent=True)


def test_a_status_that_does_not_come_is_the_bench_s_trouble(api: LocalApi, answers: Answers) -> None:
    answers.silent.add(STATUS)
    with pytest.raises(InfrastructureError, match=r"gave no answer within 0.2 s"):
        api.status(Deadline.after(0.2))


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"none.sock cannot be asked: No such file"):
        LocalApi(tmp_path / "none.sock").status(Deadline.after(SOON))


def test_a_user_who_may_not_ask_is_told_so(api: LocalApi, answers: Answers) -> None:
    answers.bodies[STATUS] = 403, b"status access denied\n"
    with pytest.raises(InfrastructureError, match="answers 403: status access denied") as raised:
        api.status(Deadline.after(SOON))
    assert "--operator=USER" in raised.value.hint


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"\xff", b'{"BackendState":1}', b"[" * 100_000])
def test_what_is_no_status_is_named(api: LocalApi, answers: Answers, body: bytes) -> None:
    answers.bodies[STATUS] = 200, body
    with pytest.raises(InfrastructureError, match="gives no status of tailscaled"):
        api.status(Deadline.after(SOON))


@pytest.mark.parametrize(
    "body", [b"{}", b'{"LatencySeconds":NaN}', b'{"LatencySeconds":1e999}', b'{"LatencySeconds":true}', b'{"Err":7}']
)
def test_what_is_no_ping_is_named(api: LocalApi, answers: Answers, body: bytes) -> None:
    answers.bodies[PING] = 200, body
    with pytest.raises(InfrastructureError, match="gives no ping of tailscaled"):
        api.ping("100.64.0.2", Deadline.after(SOON))


def test_a_server_that_says_a_little_now_and_then_has_an_end(tmp_path: Path) -> None:
    path, over = tmp_path / "drip.sock", threading.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def drip() -> None:
            connection, _ = listening.accept()
            # Whoever asked goes away in the middle of it.
            with connection, contextlib.suppress(BrokenPipeError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(200):
                    if over.wait(0.02):
                        break
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(InfrastructureError, match=r"no answer within 0.3 s"):
                LocalApi(path).status(Deadline.after(0.3))
        finally:
            over.set()
            thread.join()


def test_what_speaks_no_http_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            with pytest.raises(InfrastructureError, match=r"cannot be asked: the answer is no HTTP"):
                LocalApi(path).status(Deadline.after(SOON))
        finally:
            thread.join()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
# In a known key, the shape of a value matters, not its size.
SMALL = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
KEYS = ("BackendState", "Self", "Health", "Peer", "Version", "Online", "LastSeen", "TailscaleIPs", "LatencySeconds")


@given(st.binary() | JSON.map(lambda it: json.dumps(it).encode()) | st.just(b"9" * 5000))
def test_garbage_is_a_value_error_and_nothing_else(data: bytes) -> None:
    for read in (read_status, read_ping):
        try:
            read(data)
        except ValueError:
            continue


@settings(max_examples=unless_quick(40))
@given(st.dictionaries(st.sampled_from(KEYS), SMALL), st.dictionaries(st.sampled_from(KEYS), SMALL))
def test_garbage_in_a_known_key_is_too(top: dict[str, object], peer: dict[str, object]) -> None:
    document = {"BackendState": "Running", "Peer": {"nodekey:1": peer}, **top}
    for read in (read_status, read_ping):
        try:
            read(json.dumps(document).encode())
        except ValueError:
            continue
