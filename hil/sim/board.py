"""A board as its supply sees it: volts, what it draws, when it resets and when it starts. Time is an argument.

One capacitor stands for all that holds the board up: the carrier's at +5 V, and, where the contact is on the mains
side of a supply, what that one's own capacitor still delivers. While the contacts are open the board takes its watts
out of it; below a voltage it resets, and is a resistor from then on. Plays nothing itself: what the board says and
does is a player's (`hil.sim.player`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from math import exp, sqrt
from random import Random
from typing import Final

from hil.sim.character import Character
from hil.sim.device import Load

_STEP: Final = 0.001
_PIECE: Final = 0.2
_NOISE: Final = 0.01
_NEAR: Final = 0.05
# What a boot draws differs from piece to piece of its time, between these shares of "busy".
_LEAST: Final = 0.7


class Board:
    """One board, dark at second 0, its contacts open.

    Args:
        name: of the node; chance is seeded with it too.
        character: its figures.
        seed: the twin's.
        on_start: called when it comes up.
        on_reset: called when its supply is no longer enough.
    """

    def __init__(
        self,
        name: str,
        character: Character,
        seed: int,
        *,
        on_start: Callable[[], None],
        on_reset: Callable[[], None],
    ) -> None:
        self.name = name
        self.starts = 0
        self.resets = 0
        self._character = character
        self._seed = seed
        self._on_start = on_start
        self._on_reset = on_reset
        self._now = 0.0
        self._volts = 0.0
        self._fed = False
        self._running = False
        self._halted = False
        self._fed_at = 0.0
        self._started_at = 0.0

    @property
    def fed(self) -> bool:
        """Whether its supply reaches it."""
        return self._fed

    @property
    def running(self) -> bool:
        """Whether it has not been reset since its last start."""
        return self._running

    @property
    def volts(self) -> float:
        """At its +5 V, as of the last `advance`."""
        return self._volts

    @property
    def settled(self) -> bool:
        """Whether nothing will happen by itself any more, so that nobody must call `advance` for a while."""
        if not self._fed:
            return not self._running
        worst = self._under(self._character.busy_watts)
        return self._running and worst > self._character.reset_volts and abs(self._target() - self._volts) < _NEAR

    def feed(self, fed: bool, now: float) -> None:
        """All its contacts conduct now, or one does not any more."""
        self.advance(now)
        if fed and not self._fed:
            self._fed_at = now
        self._fed = fed

    def weaken(self, ohms: float, now: float) -> None:
        """From now on its supply, with cable and contacts, has this resistance."""
        self.advance(now)
        self._character = replace(self._character, ohms=ohms)

    def halt(self, now: float) -> None:
        """It has shut itself down; its supply stays, and only losing that ends it."""
        self.advance(now)
        self._halted = True

    def advance(self, now: float) -> None:
        """Let time pass until `now`, seconds."""
        while self._now < now:
            if self.settled:
                self._rest(now - self._now)
                self._now = now
            else:
                step = min(_STEP, now - self._now)
                self._now += step
                self._pass(step)

    def load(self, now: float) -> Load:
        """What it draws at its +5 V now, through contacts that conduct; volts alone where they do not."""
        self.advance(now)
        if not self._fed:
            return Load(self._volts, 0.0, 0.0)
        noise = 1 + self._character.noise * _gauss(self._seed, self.name, int(now / _NOISE))
        amperes = max(0.0, self._amperes(self._demand()) * noise + self._inrush(now))
        volts = max(0.0, self._character.volts - self._character.ohms * amperes)
        return Load(volts, amperes, volts * amperes, self._character.volts)

    def _pass(self, step: float) -> None:
        character = self._character
        if self._fed:
            self._volts += (self._target() - self._volts) * (1 - exp(-step / character.inrush_seconds))
        else:
            left = self._volts**2 - 2 * self._demand() * step / character.farads
            self._volts = sqrt(max(0.0, left))
        if self._running and self._volts < character.reset_volts:
            self._running = False
            self.resets += 1
            self._on_reset()
        elif not self._running and self._fed and self._volts > character.start_volts:
            self._running, self._halted = True, False
            self.starts += 1
            self._started_at = self._now
            self._on_start()

    def _rest(self, seconds: float) -> None:
        if self._fed:
            self._volts = self._target()
        else:
            self._volts *= exp(-seconds / (self._character.dark_ohms * self._character.farads))

    def _target(self) -> float:
        return self._under(self._demand())

    def _under(self, watts: float) -> float:
        """The volts that are left of the supply's under a load."""
        return self._character.volts - self._character.ohms * watts / self._character.volts

    def _demand(self) -> float:
        """Watts that it wants now."""
        character = self._character
        if not self._running:
            return self._volts**2 / character.dark_ohms
        if self._halted:
            return character.halted_watts
        since = self._now - self._started_at
        if since >= character.busy_seconds:
            return character.idle_watts
        level = _LEAST + (1 - _LEAST) * _uniform(self._seed, f"{self.name}/{self.starts}", int(since / _PIECE))
        return max(character.idle_watts, character.busy_watts * level)

    def _amperes(self, watts: float) -> float:
        return watts / self._character.volts

    def _inrush(self, now: float) -> float:
        return self._character.inrush_amperes * exp(-(now - self._fed_at) / self._character.inrush_seconds)


# By the moment, not by the turn: who reads a board, and how often, must not change what the next one reads.
@lru_cache(maxsize=1024)
def _gauss(seed: int, name: str, cell: int) -> float:
    return Random(f"{seed}/{name}/noise/{cell}").gauss(0.0, 1.0)


@lru_cache(maxsize=1024)
def _uniform(seed: int, name: str, cell: int) -> float:
    return Random(f"{seed}/{name}/load/{cell}").random()
