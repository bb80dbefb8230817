"""What a board and its supply are like: the figures of the bench twin's physics. Computes nothing.

Each default says where it is from. "Assumed" means: of the right size for a Raspberry Pi Compute Module 4 on a carrier
board, chosen for the twin and measured nowhere; give others in the plan where it matters.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Character:
    """A board behind a 5 V supply.

    Args:
        volts: what the supply delivers. The CM4's input is +5 V (CM4 datasheet, "Electrical specification").
        ohms: of the supply, its cable and its contacts; assumed.
        farads: what holds the board up after its supply is gone. Assumed: carriers have some hundred uF at +5 V; the
            twin takes more, together with what the regulators store, so that the board outlives 80 ms at full load.
        reset_volts: at +5 V, below which the board resets; assumed. (The datasheet's brown-out warning is at 4.63 V.)
        start_volts: at +5 V, from which it starts; assumed.
        dark_ohms: what a board that has reset still draws, as a resistance; assumed.
        idle_watts: booted, nothing to do; assumed.
        busy_watts: while it boots; assumed.
        halted_watts: after it has shut itself down while its supply stays on; assumed.
        busy_seconds: how long after a start it stays busy; assumed.
        inrush_amperes: above what it draws anyway, at the first moment, while its capacitors fill; assumed.
        inrush_seconds: in which that falls to 1/e; assumed.
        noise: standard deviation of the watts, as a share; assumed.
    """

    volts: float = 5.0
    ohms: float = 0.05
    farads: float = 0.12
    reset_volts: float = 3.6
    start_volts: float = 4.4
    dark_ohms: float = 47.0
    idle_watts: float = 2.6
    busy_watts: float = 5.6
    halted_watts: float = 0.9
    busy_seconds: float = 20.0
    inrush_amperes: float = 2.0
    inrush_seconds: float = 0.03
    noise: float = 0.01
