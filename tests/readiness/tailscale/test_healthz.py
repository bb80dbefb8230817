"""/healthz of Tailscale's container: its answers, and each way of getting none."""

from __future__ import annotations

import socket

import pytest
from support.fake_tailscaled import Answers, on_tcp
from support.sockets import listening

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.readiness.tailscale.healthz import Healthz, HealthzAsker, ask_healthz

SOON = 5.0


def ask(place: tuple[str, int], within: float = SOON) -> Healthz:
    return ask_healthz(lambda _: place, Deadline.after(within))


@pytest.mark.parametrize(
    ("status", "body", "healthy", "words"),
    [
        (200, b"ok", True, "200 ok"),
        (503, b"node currently has no tailscale IPs\n", False, "503 node currently has no tailscale IPs"),
        (404, b"404 page not found\n", False, "404 404 page not found"),
        (500, b"", False, "500"),
    ],
)
def test_its_answer(status: int, body: bytes, healthy: bool, words: str) -> None:
    with on_tcp(Answers({"/healthz": (status, body)})) as place:
        assert ask(place) == Healthz(healthy, words)


@pytest.mark.parametrize(
    ("status", "body", "complaints"),
    [
        (200, b'# TYPE tailscaled_health_messages gauge\ntailscaled_health_messages{type="warning"} 2\n', 2),
        (200, b'tailscaled_health_messages{type="warning"} 0', 0),
        (200, b"tailscaled_inbound_bytes_total 7\n", None),
        (200, b'\xfftailscaled_health_messages{type="warning"} NaN\n', None),
        (500, b'tailscaled_health_messages{type="warning"} 2\n', None),
        (404, b"404 page not found\n", None),
    ],
)
def test_what_metrics_count(status: int, body: bytes, complaints: int | None) -> None:
    with on_tcp(Answers({"/healthz": (200, b"ok"), "/metrics": (status, body)})) as place:
        assert ask(place) == Healthz(True, "200 ok", complaints)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
    assert ask(place) == Healthz(False, "connection refused: nothing listens there")


def test_a_forwarded_port_that_ends_the_connection() -> None:
    with listening(b"") as place:
        assert ask(place) == Healthz(False, "the connection ended without an answer: nothing listens there")


def test_something_else_listens() -> None:
    with listening(b"SSH-2.0-OpenSSH_9.2\r\n") as place:
        assert ask(place) == Healthz(False, "the answer is no HTTP (BadStatusLine)")


def test_no_answer_in_time_says_nothing_of_the_node() -> None:
    answers = Answers({})
    answers.silent.add("/healthz")
    with on_tcp(answers) as place, pytest.raises(InfrastructureError, match=r"gave no answer within 0.2 s"):
        ask(place, 0.2)


def test_a_door_that_is_not_open_is_the_bench_s_matter() -> None:
    def closed(_: Deadline) -> tuple[str, int]:
        raise InfrastructureError("no door to port 9002", hint="open one")

    with pytest.raises(InfrastructureError, match="no door"):
        ask_healthz(closed, Deadline.after(SOON))


def test_a_node_that_was_not_heard_of_is_given_up_early_and_each_time_a_little_later() -> None:
    patience: list[float] = []

    def lost(deadline: Deadline) -> tuple[str, int]:
        patience.append(deadline.remaining() or 0.0)
        raise InfrastructureError("nobody answers", hint="wait")

    asker = HealthzAsker()
    for _ in range(3):
        with pytest.raises(InfrastructureError):
            asker.ask(lost, Deadline.after(60))
    assert patience[0] < patience[1] < patience[2] < 10
    with on_tcp(Answers({"/healthz": (200, b"ok")})) as place:
        assert asker.ask(lambda _: place, Deadline.after(60)).healthy
    with pytest.raises(InfrastructureError):
        asker.ask(lost, Deadline.after(60))
    assert patience[-1] > 50


def test_an_answer_that_ends_before_its_end_is_none() -> None:
    with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok") as place:
        assert ask(place) == Healthz(False, "the answer ended 7 bytes before its end")
