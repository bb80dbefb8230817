"""A board in its place: its physics, what plays it, the two wires to its console, and what is wrong with it.

One for each board of a twin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

from hil.errors import UsageError
from hil.sim.board import Board
from hil.sim.device import BOARD_FAULTS, Console, Faults, Load
from hil.sim.guest import GuestPlayer
from hil.sim.plan import BoardPlan, Qemu, Rom, Script
from hil.sim.player import Player, Stage
from hil.sim.rom.faults import ROM_FAULTS
from hil.sim.rom.player import RomPlayer
from hil.sim.script import ScriptPlayer
from hil.sim.wire import Ends, Wire

# What a board's UART is set to while the fault "wrong-baud" holds; and where that is its speed anyway.
_WRONG: Final = 9600
_WRONG_TOO: Final = 57600
_THIN_CABLE: Final = 1.3
"""Ohm, assumed: with the default board and supply it is too much for a boot's higher loads, and not for its lower."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a board has around it.

    Args:
        seed: the twin's.
        directory: the twin's.
        now: seconds of the twin's time.
        tell: gets a line for a person at each thing that happens.
    """

    seed: int
    directory: Path
    now: Callable[[], float]
    tell: Callable[[str], None]


class Station:
    """A board in its place.

    Args:
        plan: its own.
        around: what is around it.
        console: what its UART is wired to, if anything.

    Raises:
        UsageError: its script is none.
    """

    def __init__(self, plan: BoardPlan, around: Surroundings, console: Console | None) -> None:
        self.plan = plan
        self._around = around
        self._console = console
        self.faults = Faults()
        self._board = Board(plan.name, plan.character, around.seed, on_start=self._started, on_reset=self._reset)
        stage = Stage(self._say, self._halted, lambda line: around.tell(f"{plan.name}: {line}"))
        self._player = _player(plan, stage, around)
        self._wires: tuple[Wire, Wire] | None = None
        if console is not None:
            self._wires = self._wire(console, "up", console.heard), self._wire(console, "down", self._typed)
            console.attach(self._wires[1].send)

    @property
    def settled(self) -> bool:
        """Whether its supply does nothing by itself any more."""
        return self._board.settled

    def feed(self, fed: bool) -> None:
        """All its contacts conduct now, or one does not any more."""
        if fed is not self._board.fed:
            self._around.tell(f"{self.plan.name}: its supply {'is there' if fed else 'is cut'}")
        self._board.feed(fed, self._around.now())

    def advance(self) -> None:
        """Let its time pass until now."""
        self._board.advance(self._around.now())

    def load(self) -> Load:
        """At its +5 V, now."""
        return self._board.load(self._around.now())

    def send_break(self) -> None:
        """Its UART holds the line down once."""
        if self._wires is not None:
            self._wires[0].send_break()

    def fault(self, name: str, *, on: bool) -> None:
        """Begin or end a fault.

        Raises:
            UsageError: this board can have no such fault.
        """
        player = self._player
        known = BOARD_FAULTS + (ROM_FAULTS if isinstance(player, RomPlayer) else ())
        if name not in known:
            raise UsageError(
                f"the twin's board {self.plan.name} has no fault {name!r}", hint=f"it has: {', '.join(known)}"
            )
        (self.faults.set if on else self.faults.clear)(name)
        if name == "brown-out":
            ohms = self.plan.character.ohms
            self._board.weaken(max(_THIN_CABLE, ohms) if on else ohms, self._around.now())
        elif isinstance(player, RomPlayer) and name in ROM_FAULTS:
            player.fault(name, on=on)

    def state(self) -> dict[str, object]:
        """As JSON has it."""
        load = self.load()
        ended = self._player.report if isinstance(self._player, RomPlayer) else None
        bootloader = {} if ended is None else {"bootloader": asdict(ended)}
        return {
            "volts": load.volts,
            "amperes": load.amperes,
            "watts": load.watts,
            "powered": self._board.fed,
            "running": self._board.running,
            "starts": self._board.starts,
            "resets": self._board.resets,
            "console": self.plan.console,
            "faults": [name for name, _ in self.faults.all()],
            "lost": sum(wire.lost for wire in self._wires or ()),
            **bootloader,
        }

    async def close(self) -> None:
        """End what plays it."""
        await self._player.close()
        for wire in self._wires or ():
            wire.clear()

    def _started(self) -> None:
        self._around.tell(f"{self.plan.name}: starts")
        self._player.start()

    def _reset(self) -> None:
        self._around.tell(f"{self.plan.name}: has lost its power")
        self._player.stop()
        if self._wires is not None:
            self._wires[0].clear()

    def _halted(self) -> None:
        self._around.tell(f"{self.plan.name}: has shut itself down")
        self._board.halt(self._around.now())

    def _say(self, data: bytes) -> None:
        if self._wires is not None and not self.faults.active("silent-uart"):
            self._wires[0].send(data)

    def _typed(self, data: bytes) -> None:
        if not self.faults.active("silent-uart"):
            self._player.typed(data)

    def _baud(self) -> int:
        if self._console is None or not self._console.faults.active("wrong-baud"):
            return self.plan.baud
        return _WRONG if self.plan.baud != _WRONG else _WRONG_TOO

    def _wire(self, console: Console, name: str, deliver: Callable[[bytes], None]) -> Wire:
        board, user = self._baud, lambda: console.baud
        up = name == "up"
        ends = Ends(board if up else user, user if up else board, lambda: console.faults.active("noise"))
        return Wire(ends, deliver, Random(f"{self._around.seed}/{self.plan.name}/{name}"), self.plan.speed)


def _player(plan: BoardPlan, stage: Stage, around: Surroundings) -> Player:
    match plan.actor:
        case Script(name):
            return ScriptPlayer(name, stage)
        case Qemu():
            return GuestPlayer(plan.actor, stage, around.directory)
        case Rom():
            return RomPlayer(plan.actor, stage, around.directory)
