"""A probe of one source: judged by any expectations, asked for what is expected alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from hil.clock import Deadline, now_ns
from hil.errors import InfrastructureError
from hil.readiness.condition import Condition, Truth
from hil.readiness.one_source import OneSource
from hil.readiness.rounds import Missing

SOON = 5.0


def judge(found: str | Missing, expect: str, at_ns: int | None) -> tuple[Condition, ...]:
    if isinstance(found, Missing):
        return (Condition("x", Truth.UNKNOWN, expect, found.reason, "test", None),)
    truth = Truth.TRUE if found == expect else Truth.FALSE
    return (Condition("x", truth, expect, found, "test", at_ns),)


def probe(ask: Callable[[str, Deadline], str] | Missing) -> OneSource[str, str]:
    return OneSource("test", "a", ask, judge, every=60.0, within=1.0)


def until(look: Callable[[], bool]) -> None:
    deadline = Deadline.after(SOON)
    while not look():
        assert not deadline.expired
        time.sleep(0.005)


def test_what_is_expected_is_asked_for_and_judged() -> None:
    asked: list[str] = []

    def ask(expect: str, deadline: Deadline) -> str:
        asked.append(expect)
        return expect

    with closing(probe(ask)) as made:
        until(lambda: made.asked)
        assert made.look()[0].holds
        assert made.look_for("b")[0].observed == "no answer yet"
        until(lambda: made.look_for("b")[0].holds)
        assert asked == ["a", "a", "b"]
        assert (made.broken, made.hopeless, made.simulated, made.news()) == ("", "", "", [])


def test_only_what_was_asked_after_a_moment_counts() -> None:
    with closing(probe(lambda expect, by: expect)) as made:
        until(lambda: made.asked)
        moment = now_ns()
        assert made.look_for("a", moment)[0].truth is Truth.UNKNOWN
        made.ask_now()
        until(lambda: made.look_for("a", moment)[0].holds)


def test_expectations_without_end_do_not_make_rounds_without_end() -> None:
    asked: list[str] = []

    def ask(expect: str, deadline: Deadline) -> str:
        asked.append(expect)
        return expect

    with closing(probe(ask)) as made:
        for number in range(30):
            wanted = f"w{number}"
            until(lambda wanted=wanted: made.look_for(wanted)[0].holds)  # type: ignore[misc]
        asked.clear()
        moment = now_ns()
        made.ask_now()
        until(lambda: made.look_for("a", moment)[0].holds)
        assert asked[0] == "a"
        assert len(asked) <= 8


def test_what_could_not_be_asked_is_unknown_and_may_be_the_nodes_doing() -> None:
    def ask(expect: str, deadline: Deadline) -> str:
        raise InfrastructureError("connection refused", hint="wait")

    with closing(probe(ask)) as made:
        until(lambda: made.asked)
        (found,) = made.look()
        assert (found.truth, found.observed) == (Truth.UNKNOWN, "connection refused")
        assert made.broken == ""


def test_nobody_to_ask_is_the_benchs_doing() -> None:
    with closing(probe(Missing("no kubeconfig"))) as made:
        assert (made.look()[0].observed, made.broken, made.asked) == ("no kubeconfig", "no kubeconfig", True)
        made.ask_now()
        made.begin_again()


def test_a_new_beginning_forgets() -> None:
    with closing(probe(lambda expect, by: expect)) as made:
        until(lambda: made.asked)
        made.begin_again()
        until(lambda: made.look()[0].holds)
