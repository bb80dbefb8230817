"""Questions asked over and over: what the last round found, by when it began, and an end that is one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from hil.clock import Deadline, now_ns
from hil.errors import ConfigError, HilBug, InfrastructureError, Problem
from hil.readiness.rounds import Missing, Rounds

SOON = 5.0


@contextmanager
def asking(every: float = 60.0) -> Iterator[tuple[Rounds[int], list[Deadline]]]:
    """Rounds that count themselves, and the deadlines that they were given."""
    asked: list[Deadline] = []

    def ask(deadline: Deadline) -> int:
        asked.append(deadline)
        return len(asked)

    with closing(Rounds("count", ask, every=every, within=1.0)) as rounds:
        yield rounds, asked


def test_the_first_round_begins_by_itself_and_has_its_deadline() -> None:
    with asking() as (rounds, asked):
        found = rounds.wait(Deadline.after(SOON))
        assert found is not None
        assert found.found == 1
        assert found.began_ns <= found.at_ns
        assert 0 < asked[0].within <= 1.0


def test_rounds_follow_each_other_without_being_told() -> None:
    with asking(every=0.01) as (rounds, _):
        first = rounds.wait(Deadline.after(SOON))
        assert first is not None
        second = rounds.wait(Deadline.after(SOON), since_ns=first.at_ns)
        assert second is not None
        assert second.began_ns > first.at_ns


def test_a_round_that_is_asked_for_begins_at_once() -> None:
    with asking() as (rounds, _):
        rounds.wait(Deadline.after(SOON))
        moment = now_ns()
        rounds.ask_now()
        found = rounds.wait(Deadline.after(SOON), since_ns=moment)
        assert found is not None
        assert found.found == 2


def test_an_answer_from_before_the_new_beginning_is_not_kept() -> None:
    first_asked, go_on = threading.Event(), threading.Event()
    asked: list[int] = []

    def ask(deadline: Deadline) -> int:
        asked.append(1)
        if len(asked) == 1:
            first_asked.set()
            go_on.wait(deadline.remaining())
        return len(asked)

    with closing(Rounds("slow", ask, every=0.01, within=SOON)) as rounds:
        first_asked.wait(SOON)
        rounds.begin_again()
        go_on.set()
        found = rounds.wait(Deadline.after(SOON))
        assert found is not None
        assert found.found != 1


def test_what_could_not_be_asked_says_why() -> None:
    def ask(deadline: Deadline) -> int:
        raise InfrastructureError(f"nobody there within {deadline.within:.0f} s", hint="start it")

    with closing(Rounds("none", ask, every=60.0, within=1.0)) as rounds:
        found = rounds.wait(Deadline.after(SOON))
        assert found is not None
        assert found.found == Missing("nobody there within 1 s", "start it")


def test_waiting_ends_at_its_deadline() -> None:
    with asking() as (rounds, _):
        rounds.wait(Deadline.after(SOON))
        assert rounds.wait(Deadline.after(0.01), since_ns=now_ns() + 10**12) is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_hils_own_is_no_silence_of_the_node() -> None:
    def ask(deadline: Deadline) -> int:
        raise ZeroDivisionError

    with closing(Rounds("broken", ask, every=60.0, within=1.0)) as rounds:
        for _ in range(2):
            with pytest.raises(HilBug, match=r"broken is asked no more, by a fault of hil: ZeroDivisionError\(\)"):
                rounds.wait(Deadline.after(SOON))
        with pytest.raises(HilBug):
            _ = rounds.latest


def test_after_its_close_nothing_of_it_runs() -> None:
    with asking(every=0.001) as (rounds, asked):
        rounds.wait(Deadline.after(SOON))
    count = len(asked)
    assert not any(thread.name == "count" for thread in threading.enumerate())
    assert len(asked) == count


def test_what_an_error_says_is_one_line() -> None:
    problem = Problem("kubeconfig", 3, 1, "", "there is no 'd' among its contexts")
    assert Missing.of(InfrastructureError("one\n  two", hint="wait")) == Missing("one two", "wait")
    assert Missing.of(ConfigError([problem, problem], hint="mend it")) == Missing(
        "kubeconfig: there is no 'd' among its contexts", "mend it"
    )
