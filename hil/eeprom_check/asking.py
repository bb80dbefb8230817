"""Power-cycles one board and hears what its bootloader says, with the locks and promises of a bench. Judges nothing.

The board's power port is left as it was found, whatever becomes of this process (`hil.finding.owned`).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from hil.clock import Deadline
from hil.config.devices import twin_names
from hil.config.power import PowerConfig
from hil.config.rig import Rig
from hil.config.serial import ConsoleConfig
from hil.eeprom_check.judging import decided
from hil.errors import UsageError
from hil.finding.cycle import Pace, cycled, found_state, left_on
from hil.finding.ears import Ears, Line
from hil.finding.owned import owner_of, promised, take_thing
from hil.finding.search import Voice
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.power.opening import make_port

_START_SECONDS: Final = 20.0
_LOOK_EVERY: Final = 0.2
_LINE: Final = "console"


@dataclass(frozen=True, slots=True)
class Asked:
    """The board that is asked.

    Args:
        rig: its file, with real devices.
        node: its name there.
        power: the rig's name of its power port.
        console: its serial line.
    """

    rig: Rig
    node: str
    power: str
    console: ConsoleConfig

    @property
    def on_twin(self) -> bool:
        """Whether its power port or its line is the bench twin's, which a bench alone runs."""
        return any(any(twin_names(section)) for section in (self.config, self.console))

    @property
    def config(self) -> PowerConfig:
        """The section of its power port."""
        return self.rig.power[self.power]


def node_of(rig: Rig, node: str | None) -> str:
    """The node that is meant.

    Args:
        rig: loaded.
        node: its name; None where the rig has one Raspberry Pi, or one node, alone.

    Raises:
        UsageError: there is no such node, or several are there and none is named.
    """
    names = [name for name, config in rig.nodes.items() if config.raspberry() is not None] or list(rig.nodes)
    if node is None and len(names) != 1:
        raise UsageError(f"{rig.name} has several nodes: {', '.join(names)}", hint="name one: --node NODE")
    if node is not None and node not in rig.nodes:
        raise UsageError(f"{rig.name} has no node {node!r}", hint=f"it has: {', '.join(rig.nodes)}")
    return node or names[0]


def asked_of(rig: Rig, name: str) -> Asked:
    """A board of a rig as it can be asked: with a power port and a console.

    Args:
        rig: with real devices.
        name: of the node.

    Raises:
        UsageError: it has not both.
    """
    config = rig.nodes[name]
    port, console = config.power_port(), getattr(config, "console", None)
    if port is None or not isinstance(console, ConsoleConfig):
        raise UsageError(
            f"{rig.where('nodes', name)}: {name} has no power port and console, so its bootloader cannot be heard",
            hint="give it `power:` and `console:`, or read a record: --recording FOLDER",
        )
    return Asked(rig, name, port, console)


def hear(asked: Asked, voice: Voice, pace: Pace) -> bytes | None:
    """What a board's console says from power-on until its bootloader has said enough, or the time is over.

    Args:
        asked: which.
        voice: asks before the power is cut, and tells.
        pace: how long is listened.

    Returns:
        its bytes; None where the person said no.

    Raises:
        Busy: a bench has its power port or its line.
        NotPutBack: the port could not be put back as it was found.
        InfrastructureError: the line cannot be opened, or the port not switched.
    """
    with Keeper.start(new_runtime_dir("doctor"), deadline=Deadline.after(_START_SECONDS)) as keeper:
        owner = owner_of(asked.rig, keeper)
        for thing in sorted((*asked.config.things(), *asked.console.things()), key=lambda thing: thing.name):
            take_thing(thing, keeper, owner.holder)
        with closing(make_port(asked.config)) as port:
            called = f"{asked.node} ({asked.power}, {port.name})"
            left = left_on(asked.config, found_state(port))
        word = "on" if left else "off"
        if not voice.ask(f"{called}: switch it off and on? It is left {word}."):
            return None
        voice.tell(f"{called}: off, on, listening at most {pace.within:g} s")
        with Ears(keeper) as ears, promised(asked.rig, asked.power, asked.config, owner, left=left) as relay:
            ears.add(Line(_LINE, asked.console))
            with cycled(relay, ears, pace, left=left) as cycle:
                return heard_from(ears, cycle.on_ns, Deadline.after(pace.within))


def heard_from(ears: Ears, since_ns: int, limit: Deadline) -> bytes:
    """What the one line of some ears says from a moment on.

    Args:
        ears: open.
        since_ns: ns of the one clock.
        limit: of the time.
    """
    while True:
        ears.listen(limit.sooner(_LOOK_EVERY))
        (transcript,) = ears.transcripts.values()
        said = transcript.bytes(transcript.offset_after(since_ns - 1), transcript.end)
        if limit.expired or decided(said, served=False):
            return said
