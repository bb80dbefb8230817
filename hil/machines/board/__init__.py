"""A machine that is a board: a power port, a meter, a serial line. See `config`, `board` and `witnesses`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.machines.board.config import Config

if TYPE_CHECKING:
    from hil.machine import Machine
    from hil.machines.place import Place

__all__ = ["Config", "create"]


def create(config: Config, place: Place) -> Machine:
    """A machine whose supply is as it was found; see `hil.machines.board.board.create`."""
    from hil.machines.board import board

    return board.create(config, place)
