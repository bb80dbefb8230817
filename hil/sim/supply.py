"""What a device sees of a board's load from its own side of the board's supply. Pure functions.

A relay or a meter in the 5 V lead sees what the board draws; a plug is on the mains side of a supply that has losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.sim.device import Load


@dataclass(frozen=True, slots=True)
class Side:
    """A supply between a device and the board's 5 V.

    Args:
        volts: on the device's side.
        efficiency: what comes out of what goes in; assumed.
        own_watts: what it draws with no load; assumed.
    """

    volts: float
    efficiency: float
    own_watts: float


_MAINS: Final = Side(volts=230.0, efficiency=0.85, own_watts=0.1)
# 802.3af leaves a switch with 44 to 57 V (IEEE 802.3, clause 33).
_ETHERNET: Final = Side(volts=54.0, efficiency=0.85, own_watts=0.2)

_SIDES: Final = {"shelly1": _MAINS, "shelly2": _MAINS, "tasmota": _MAINS, "poe": _ETHERNET}


def behind(kind: str, board: Load, *, conducts: bool) -> Load:
    """A board's load as the device whose contact feeds it sees it.

    Args:
        kind: of the device.
        board: at the board's 5 V, all zero where nothing flows.
        conducts: whether the device's own contact does.
    """
    side = _SIDES.get(kind)
    if side is None:
        return board
    if not conducts:
        return Load(supply_volts=side.volts)
    watts = board.watts / side.efficiency + side.own_watts
    return Load(side.volts, watts / side.volts, watts, side.volts)
