"""Asking over HTTP: bounded in time and size, every failure of the kind that it is, and no secret in what is said."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.http_devices import answering, says

from hil.clock import Deadline, now_ns
from hil.config.devices import host_port
from hil.errors import InfrastructureError
from hil.power import http_device
from hil.power.http_device import BODY_MAX, Answer, HttpDevice
from hil.power.http_json import document
from hil.power.http_login import Basic, Digest, challenges
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent

SOON = 5.0
A_MOMENT = 1.0
"""Seconds in which even a host that stalls has made a connection to itself."""


def device(at: str, *, login: Basic | Digest | None = None, secret: str = "") -> HttpDevice:
    return HttpDevice(host_port(at, 80), "plug", login, secret)


def test_a_question_and_its_answer() -> None:
    with answering(says('{"ison": true}')) as twin:
        before = now_ns()
        answer = device(twin.at).ask("/relay/0", {"turn": "on", "why": "a b&c"}, deadline=Deadline.after(SOON))
        after = now_ns()
    assert answer.body == b'{"ison": true}'
    assert before < answer.at_ns - answer.error_ns < answer.at_ns + answer.error_ns <= after
    assert twin.lines == ["GET /relay/0?turn=on&why=a%20b%26c"]
    assert twin.asked[0].headers["host"] == twin.at


def test_a_chunked_answer_and_one_that_ends_with_its_connection() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    with answering(chunked, b"HTTP/1.0 200 OK\r\n\r\n{}") as twin:
        for _ in range(2):
            assert device(twin.at).ask("/", deadline=Deadline.after(SOON)).body == b"{}"


def test_when_an_answer_held(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100, 301])
    monkeypatch.setattr(http_device, "now_ns", lambda: next(moments))
    with answering(says("{}")) as twin:
        answer = device(twin.at).ask("/", deadline=Deadline.after(SOON))
    assert (answer.at_ns, answer.error_ns) == (200, 101)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    with answering(says("{}")) as twin:
        assert device(twin.at).ask("/", deadline=Deadline.after(SOON)).body == b"{}"


@pytest.mark.parametrize(
    ("said", "expected", "words"),
    [
        (b"", PortSilent, "not known"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", PortGarbled, "cut short"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", PortGarbled, "no answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", PortGarbled, "cut short"),
        (says(b" " * (BODY_MAX + 1)), PortGarbled, "more than"),
        (says("Not Found", "404 Not Found"), PortRefused, "404 to /relay/0 .Not Found"),
        (says("", "302 Found", "Location: http://192.0.2.1/"), PortRefused, "sends elsewhere"),
        (says("401 Unauthorized", "401 Unauthorized"), PortRefused, "wants a password"),
        (says("", "500 Oops"), PortRefused, "500"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}", PortGarbled, "IncompleteRead"),
    ],
)
def test_every_failure_is_of_its_kind(said: bytes, expected: type[InfrastructureError], words: str) -> None:
    with answering(said) as twin, pytest.raises(expected, match=words) as raised:
        device(twin.at).ask("/relay/0", deadline=Deadline.after(SOON))
    assert type(raised.value) is expected


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(PortAbsent, match="nobody listens"):
        device(f"127.0.0.1:{port}").ask("/", deadline=Deadline.after(SOON))


def test_silence_ends_with_the_deadline() -> None:
    with answering(None) as twin, pytest.raises(PortSilent, match="no answer within"):
        device(twin.at).ask("/", deadline=Deadline.after(A_MOMENT))


def test_an_answer_that_drips_for_ever_ends_with_the_deadline() -> None:
    """Each byte comes soon after the one before, so a time limit for each would never pass."""
    with dripping(b"HTTP/1.1 200 OK\r\nX-Long: ") as at, pytest.raises(PortSilent, match="no answer within"):
        device(at).ask("/", deadline=Deadline.after(A_MOMENT))


@contextmanager
def dripping(beginning: bytes) -> Iterator[str]:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(beginning)
                while not over.wait(0.005):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def test_no_secret_is_said_again() -> None:
    echo = says("wrong: /cm?user=admin&password=j%6Fker&cmnd=Power", "400 Bad")
    with answering(echo) as twin, pytest.raises(PortRefused) as raised:
        device(twin.at, secret="joker").ask("/cm", {"password": "joker"}, deadline=Deadline.after(SOON))
    assert "ker" not in raised.value.render()
    assert "hunter2" not in repr(HttpDevice(host_port("plug", 80), "plug", Basic("admin", "hunter2")).login)


def test_basic_is_sent_unasked() -> None:
    """RFC 7617, section 2: user Aladdin, password "open sesame"."""
    with answering(says("{}")) as twin:
        device(twin.at, login=Basic("Aladdin", "open sesame")).ask("/", deadline=Deadline.after(SOON))
    assert [asked.headers["authorization"] for asked in twin.asked] == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]


MUFASA = {
    "realm": "http-auth@example.org",
    "qop": "auth, auth-int",
    "algorithm": "SHA-256",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
}
RFC_7616_CHALLENGES = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256,'
    ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",'
    ' Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5,'
    ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def test_digest_as_the_rfc_has_it() -> None:
    """RFC 7616, section 3.9.1: Mufasa, "Circle of Life", GET /dir/index.html."""
    assert challenges(RFC_7616_CHALLENGES) == [MUFASA, {**MUFASA, "algorithm": "MD5"}]
    login = Digest("Mufasa", "Circle of Life")
    header = login.header("GET", "/dir/index.html", MUFASA, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    [sent] = challenges(header)
    assert sent == {
        **MUFASA,
        "username": "Mufasa",
        "uri": "/dir/index.html",
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "response": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }


def test_a_challenge_is_answered_once() -> None:
    refused = says(
        "", "401 Unauthorized", 'WWW-Authenticate: Digest qop="auth", realm="r", nonce="1", algorithm=SHA-256'
    )
    with answering(refused) as twin, pytest.raises(PortRefused, match="password is wrong"):
        device(twin.at, login=Digest("admin", "wrong")).ask("/rpc", deadline=Deadline.after(SOON))
    assert ["authorization" in asked.headers for asked in twin.asked] == [False, True]


def test_a_login_of_another_kind_is_named() -> None:
    """As a Shelly of the first generation asks for, which a rig takes for one of the second."""
    basic = says("", "401 Unauthorized", 'WWW-Authenticate: Basic realm="shellyplug-s-C18B12"')
    with answering(basic) as twin, pytest.raises(PortRefused, match="another kind: Basic realm") as raised:
        device(twin.at, login=Digest("admin", "secret")).ask("/rpc", deadline=Deadline.after(SOON))
    assert "`kind:`" in raised.value.hint
    assert len(twin.asked) == 1


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="r"',
        'Digest realm="r", nonce="1", qop="auth"',
        'Digest realm="r", nonce="1", algorithm=SHA-256',
        "",
    ],
)
def test_a_challenge_that_is_none_of_ours_gets_no_answer(challenge: str) -> None:
    assert Digest("admin", "secret").answer("GET", "/", challenge) is None


@given(st.text(max_size=60) | st.text(alphabet='Digest qop=",\\ \t', max_size=60))
def test_any_challenge_is_read_or_left(challenge: str) -> None:
    for asked in challenges(challenge):
        assert all(isinstance(value, str) for value in asked.values())
    Digest("admin", "secret").answer("GET", "/", challenge)


@given(st.dictionaries(st.sampled_from(["realm", "nonce", "opaque"]), st.text(st.characters(max_codepoint=0xFF))))
def test_what_is_quoted_is_read_back(parameters: dict[str, str]) -> None:
    quoted = ", ".join(
        f'{key}="{value}"'
        for key, value in ((key, value.replace("\\", "\\\\").replace('"', '\\"')) for key, value in parameters.items())
    )
    assert challenges(f"Basic x=y, Digest {quoted}") == [parameters]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "id"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_as_documented_or_refused(body: bytes) -> None:
    with suppress(PortGarbled):
        found = document(device("plug"), Answer(body, 0, 0))
        assert isinstance(found.flag("a"), bool)
        assert isinstance(found.section("b").text("a"), str)
        element = found.element("id", 0)
        assert element is None or isinstance(element.number("a", 1), float)


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a": NaN}', b'{"a": 1e999}', b'{"a": ' + b"9" * 5000 + b"}", b'{"a": true}', b'{"a": "1"}'],
)
def test_no_number_is_made_of_what_is_none(body: bytes) -> None:
    with pytest.raises(PortGarbled):
        document(device("plug"), Answer(body, 0, 0)).number("a")


def test_nan_is_no_json() -> None:
    """RFC 8259, section 6: numbers that JSON has no digits for are not allowed."""
    with pytest.raises(PortGarbled, match="no JSON"):
        document(device("plug"), Answer(b'{"a": true, "b": NaN}', 0, 0))
