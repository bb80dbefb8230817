"""Asking again: how often, and after what."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.power.exchange import ANSWER_WITHIN, one_try, persistently
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent


def failing(with_: type[InfrastructureError], times: int) -> tuple[Callable[[], str], list[int]]:
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        if len(asked) <= times:
            raise with_("no", hint="none")
        return "answer"

    return ask, asked


@pytest.mark.parametrize("lost", [PortSilent, PortGarbled])
def test_a_lost_answer_is_asked_for_three_times(lost: type[InfrastructureError]) -> None:
    ask, asked = failing(lost, 2)
    assert persistently(ask, deadline=Deadline.after(60)) == "answer"
    assert len(asked) == 3
    ask, asked = failing(lost, 9)
    with pytest.raises(lost):
        persistently(ask, deadline=Deadline.after(60))
    assert len(asked) == 3


@pytest.mark.parametrize("final", [PortAbsent, PortRefused])
def test_what_asking_again_does_not_change_is_asked_once(final: type[InfrastructureError]) -> None:
    ask, asked = failing(final, 9)
    with pytest.raises(final):
        persistently(ask, deadline=Deadline.after(60))
    assert len(asked) == 1


def test_nothing_is_asked_after_the_deadline() -> None:
    ask, asked = failing(PortSilent, 9)
    with pytest.raises(PortSilent):
        persistently(ask, deadline=Deadline.after(0))
    assert len(asked) == 1


def test_one_try_is_never_later_than_the_deadline() -> None:
    deadline = Deadline.after(0.2)
    assert one_try(deadline) == deadline
    assert one_try(Deadline.after(60)).within == ANSWER_WITHIN
