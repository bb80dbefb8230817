"""One HTTP answer of a node: what fits, what does not, and each way of getting none; on real sockets."""

from __future__ import annotations

import socket

import pytest
from support.fake_tailscaled import Answers, on_tcp
from support.sockets import listening

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.config.expect.spin import ServesExpect
from hil.errors import HilError, InfrastructureError, MissingPart
from hil.readiness.spin import serving
from hil.readiness.spin.serving import Asker, Served

SOON = 5.0
HELLO = ServesExpect(path="/hello?x=1", body="hello")
TRAPPED = b"<!doctype html>\n<html>\n<head>\n    <title>500 Internal Server Error</title>"


def asker(place: tuple[str, int], expect: ServesExpect = HELLO) -> Asker:
    def reach(port: int, deadline: Deadline) -> tuple[str, int]:
        assert port == 3000
        return place

    return Asker(expect, reach, lambda: 0)


def ask(place: tuple[str, int], expect: ServesExpect = HELLO, within: float = SOON) -> Served:
    return asker(place, expect).ask(Deadline.after(within))


def test_the_expected_answer() -> None:
    answers = Answers({"/hello": (200, b"hello from wasm\n")})
    with on_tcp(answers) as place:
        asked = asker(place)
        for _ in range(3):
            found = asked.ask(Deadline.after(SOON))
    assert found.holds
    assert found.timings.count == 3
    assert found.words == f"200; {found.timings.words}"
    assert answers.asked == ["GET /hello?x=1"] * 3


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, b"not found\n", "404: not found"),
        (200, b"goodbye\x1b[31m\n", "200: goodbye"),
        (200, b"", "200"),
        (500, TRAPPED, "500: <!doctype html> <html> <head> <title>500 Internal Server Error</title>"),
    ],
)
def test_another_answer_is_shown(status: int, body: bytes, words: str) -> None:
    with on_tcp(Answers({"/hello": (status, body)})) as place:
        found = ask(place)
    assert not found.holds
    assert found.words.startswith(words)
    assert found.words.isprintable()
    assert found.timings.count == 0


def test_any_body_will_do_where_none_is_expected() -> None:
    with on_tcp(Answers({"/": (404, b"")})) as place:
        assert ask(place, ServesExpect(path="/", status=404)).holds


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
    found = ask(place)
    assert (found.holds, found.words) == (False, "nothing answers: connection refused")


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"", "nothing answers: "),
        (b"SSH-2.0-OpenSSH\r\n", "nothing answers: the answer is no HTTP (BadStatusLine)"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhel", "nothing answers: the answer is no HTTP"),
    ],
)
def test_a_connection_that_ends_without_an_answer(says: bytes, words: str) -> None:
    with listening(says) as place:
        found = ask(place)
    assert not found.holds
    assert found.words.startswith(words)


def test_no_answer_in_time_says_nothing_of_the_node() -> None:
    answers = Answers({})
    answers.silent.add("/hello")
    with on_tcp(answers) as place:
        with pytest.raises(InfrastructureError, match=r"port 3000 gave no answer within 0\.2 s"):
            ask(place, within=0.2)
        answers.over.set()


def test_a_node_that_was_not_heard_of_is_given_up_early_and_each_time_a_little_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_FIRST_PATIENCE", 0.1)
    monkeypatch.setattr(serving, "_MORE_PATIENCE", 0.05)
    answers = Answers({"/hello": (200, b"hello")})
    answers.silent.add("/hello")
    life = 1
    with on_tcp(answers) as place:
        asked = Asker(HELLO, lambda port, deadline: place, lambda: life)

        def lost(within: float) -> str:
            with pytest.raises(InfrastructureError) as caught:
                asked.ask(Deadline.after(within))
            return caught.value.message.partition(" within ")[2]

        assert [lost(SOON), lost(SOON), lost(0.02)] == ["0.1 s", "0.15 s", "0.02 s"]
        answers.silent.clear()
        monkeypatch.setattr(serving, "_MORE_PATIENCE", SOON)  # what is answered may take its time
        asked.ask(Deadline.after(SOON))
        answers.silent.add("/hello")
        assert lost(0.3) == "0.3 s", "it was heard of"
        life = 2
        assert lost(SOON) == "0.1 s"
        answers.over.set()


def test_a_way_that_is_not_open_says_nothing_of_the_node() -> None:
    def reach(port: int, deadline: Deadline) -> tuple[str, int]:
        raise MissingPart(f"no door to port {port}", hint="h")

    with pytest.raises(HilError, match="no door to port 3000"):
        Asker(HELLO, reach, lambda: 0).ask(Deadline.after(SOON))
    with pytest.raises(InfrastructureError, match="port 3000 is not reached"):
        ask(("192.0.2.300", 1))


def test_the_first_answer_is_known_as_exactly_as_the_last_time_without_one() -> None:
    answers = Answers({})
    with on_tcp(answers) as place:
        asked, began = asker(place), now_ns()
        assert asked.ask(Deadline.after(SOON)).timings.first_ns is None
        after_other = now_ns()
        answers.silent.add("/hello")
        with pytest.raises(InfrastructureError):
            asked.ask(Deadline.after(0.05))
        answers.silent.clear()
        answers.bodies["/hello"] = (200, b"hello")
        timings = asked.ask(Deadline.after(SOON)).timings
        answers.over.set()
    assert timings.first_ns is not None
    assert timings.bound is not None
    assert began < timings.first_ns - timings.bound * NANOSECONDS
    assert timings.first_ns - timings.bound * NANOSECONDS > after_other - 1000


def test_an_answer_that_is_another_is_none_for_the_cold_start() -> None:
    answers = Answers({})
    with on_tcp(answers) as place:
        asked = asker(place)
        began = now_ns()
        asked.ask(Deadline.after(SOON))
        answers.bodies["/hello"] = (200, b"hello")
        timings = asked.ask(Deadline.after(SOON)).timings
    assert timings.first_ns is not None
    assert timings.bound is not None
    assert 0 < timings.bound <= (timings.first_ns - began) / NANOSECONDS + 1e-6


def test_what_is_measured_begins_anew_with_each_life_of_the_machine() -> None:
    life = 1
    with on_tcp(Answers({"/hello": (200, b"hello")})) as place:
        asked = Asker(HELLO, lambda port, deadline: place, lambda: life)
        assert [asked.ask(Deadline.after(SOON)).timings.count for _ in range(2)] == [1, 2]
        life = 2
        assert asked.ask(Deadline.after(SOON)).timings.count == 1
