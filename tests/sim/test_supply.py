"""What a device sees of a board's load from its own side of the supply."""

from __future__ import annotations

import pytest

from hil.sim.device import Load
from hil.sim.supply import behind

BOARD = Load(4.95, 1.0, 4.95, 5.0)


def test_a_relay_in_the_five_volt_lead_sees_what_the_board_draws() -> None:
    assert behind("lcus", BOARD, conducts=True) == BOARD


def test_a_plug_sees_mains_and_the_losses_of_the_supply() -> None:
    seen = behind("shelly2", BOARD, conducts=True)

    assert (seen.volts, seen.supply_volts) == (230.0, 230.0)
    assert BOARD.watts < seen.watts < 1.3 * BOARD.watts
    assert seen.watts == pytest.approx(seen.volts * seen.amperes)


def test_a_supply_without_a_board_still_draws_a_little_and_nothing_behind_an_open_contact() -> None:
    assert 0 < behind("tasmota", Load(), conducts=True).watts < 0.5
    assert behind("tasmota", BOARD, conducts=False) == Load(supply_volts=230.0)
    assert behind("poe", BOARD, conducts=False) == Load(supply_volts=54.0)
