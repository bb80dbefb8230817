"""A board's physics, on a clock that is an argument: hold-up, inrush, loads, brown-out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.sim.board import Board
from hil.sim.character import Character

CM4 = Character()
BOOTING, BOOTED = 5.0, 40.0


def made(character: Character = CM4, seed: int = 1) -> tuple[Board, list[str]]:
    """A board, and what happens to it."""
    events: list[str] = []
    board = Board(
        "node1", character, seed, on_start=lambda: events.append("start"), on_reset=lambda: events.append("reset")
    )
    return board, events


def interrupted(off: float, since: float, character: Character = CM4) -> list[str]:
    """What happens to a board that is fed from second 0 on, but for `off` seconds from `since` on."""
    board, events = made(character)
    board.feed(True, 0.0)
    board.feed(False, since)
    board.feed(True, since + off)
    board.advance(since + off + 5)
    return events


@pytest.mark.parametrize("since", [BOOTING, BOOTED])
def test_eighty_milliseconds_without_supply_are_held_up_and_two_seconds_are_not(since: float) -> None:
    assert interrupted(0.08, since) == ["start"]
    assert interrupted(2.0, since) == ["start", "reset", "start"]


def test_what_holds_a_board_up_is_energy_so_an_idle_board_is_held_up_for_longer() -> None:
    stored = CM4.farads / 2 * (CM4.volts**2 - CM4.reset_volts**2)
    idle_lasts = stored / CM4.idle_watts

    assert interrupted(idle_lasts * 0.9, BOOTED) == ["start"]
    assert interrupted(idle_lasts * 1.1, BOOTED) == ["start", "reset", "start"]
    assert interrupted(idle_lasts * 0.9, BOOTING) == ["start", "reset", "start"]
    assert interrupted(idle_lasts * 1.1, BOOTED, replace(CM4, farads=CM4.farads * 2)) == ["start"]


def test_a_board_draws_more_at_the_first_moment_than_booting_and_more_booting_than_idle() -> None:
    board, _ = made()
    assert board.load(0.0).watts == 0

    board.feed(True, 1.0)
    first = board.load(1.0)
    booting = [board.load(2.0 + tick / 10).watts for tick in range(100)]
    idle = [board.load(40.0 + tick / 10).watts for tick in range(100)]

    assert first.amperes == pytest.approx(CM4.inrush_amperes, rel=0.1)
    assert CM4.busy_watts * 0.65 < min(booting) < max(booting) < CM4.busy_watts * 1.05
    assert max(booting) - min(booting) > 1
    assert all(watts == pytest.approx(CM4.idle_watts, rel=0.06) for watts in idle)
    assert len(set(idle)) > 50


def test_watts_are_volts_times_amperes_and_the_supply_sags_by_its_own_resistance() -> None:
    board, _ = made()
    board.feed(True, 0.0)
    load = board.load(3.0)

    assert load.watts == pytest.approx(load.volts * load.amperes)
    assert load.volts == pytest.approx(CM4.volts - CM4.ohms * load.amperes)


def test_nothing_flows_without_supply_and_the_capacitors_run_empty() -> None:
    board, _ = made()
    board.feed(True, 0.0)
    board.feed(False, BOOTED)

    at_once, later, much_later = board.load(BOOTED + 0.01), board.load(BOOTED + 2), board.load(BOOTED + 60)

    assert at_once.watts == later.watts == 0
    assert CM4.volts > at_once.volts > later.volts > much_later.volts
    assert much_later.volts < 0.1


def test_a_board_that_shut_itself_down_draws_little_and_only_a_power_cut_starts_it_again() -> None:
    board, events = made()
    board.feed(True, 0.0)
    board.halt(BOOTED)
    assert board.load(BOOTED + 1).watts == pytest.approx(CM4.halted_watts, rel=0.06)

    board.feed(False, BOOTED + 2)
    board.feed(True, BOOTED + 6)
    assert board.load(BOOTED + 7).watts > CM4.idle_watts
    assert events == ["start", "reset", "start"]


def test_a_supply_that_is_too_weak_for_a_boot_makes_a_board_start_over_and_over() -> None:
    for ohms in (1.4, 1.0):  # with the second it is the heaviest pieces of a boot alone that are too much
        board, events = made(replace(CM4, ohms=ohms, busy_watts=8.0))
        board.feed(True, 0.0)
        board.advance(20.0)
        assert events.count("reset") > 3


def test_the_same_seed_gives_the_same_figures_however_often_they_are_read() -> None:
    once, often, other = made()[0], made()[0], made(seed=2)[0]
    for board in (once, often, other):
        board.feed(True, 0.0)
    for tick in range(1, 500):
        often.load(tick / 100)

    assert once.load(5.0) == often.load(5.0)
    assert other.load(5.0) != once.load(5.0)
