"""What is made once, however many ask for it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hil.clock import hold
from hil.once import MadeOnce

THREADS = 8


class House:
    def __init__(self) -> None:
        self.made: list[object] = []

    @MadeOnce
    def hearth(self) -> object:
        """Of stone."""
        hold(0.05)  # as long as the others take to come
        self.made.append(object())
        return self.made[-1]


def test_who_asks_at_once_is_given_the_same() -> None:
    house = House()
    with ThreadPoolExecutor(THREADS) as others:
        given = list(others.map(lambda _: house.hearth, range(THREADS)))
    assert given == [house.hearth] * THREADS
    assert len(house.made) == 1


def test_each_has_its_own_and_it_is_found_where_its_attributes_are() -> None:
    one, other = House(), House()
    assert "hearth" not in vars(one)
    assert one.hearth is not other.hearth
    assert vars(one)["hearth"] is one.hearth
