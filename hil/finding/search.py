"""All of `hil rig find` but its command line: locks, opens, asks, switches one relay after the other, matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.power import PowerConfig
from hil.config.rig import Rig, load_rig
from hil.config.things import Thing
from hil.errors import InfrastructureError
from hil.finding.cycle import NotPutBack, Pace, found_state, heard_cycle, left_on
from hil.finding.ears import Ears, Line, open_ears
from hil.finding.matching import Findings, Round, matched
from hil.finding.owned import owner_of, promised, take_thing
from hil.finding.rig_text import relays_text
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.locks import Busy
from hil.power.opening import Owner, make_port
from hil.power.port import PowerState

_START_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found out about.

    Args:
        relays: the power ports, by name, with real devices.
        lines: the serial lines that a person named.
        others: those that are merely there.
        rig: the rig file that the relays are from; None where a command line named them.
    """

    relays: Mapping[str, PowerConfig]
    lines: Sequence[Line]
    others: Sequence[Line] = ()
    rig: Rig | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """How a person is talked to.

    Args:
        ask: a question whose answer is yes or no.
        tell: a line of progress.
    """

    ask: Callable[[str], bool]
    tell: Callable[[str], None]


def find(wanted: Wanted, voice: Voice, pace: Pace) -> Findings:
    """Find out which relay powers which console's board.

    A keeper holds the locks and the lines, and leaves each relay that was switched as it was found, should this
    process not live to do it.

    Args:
        wanted: relays and lines.
        voice: asks before each switching.
        pace: how long is listened.

    Raises:
        Busy: a bench has one of the relays or lines.
        NotPutBack: a relay could not be put back as it was found.
        InfrastructureError: a line that a person named cannot be opened, or there is none at all. What goes wrong with
            one relay alone is in the findings.
    """
    with Keeper.start(new_runtime_dir("find"), deadline=Deadline.after(_START_SECONDS)) as keeper:
        rig = wanted.rig or _rig_of(wanted.relays, keeper.directory)
        owner = owner_of(rig, keeper)
        for thing in _things(wanted):
            take_thing(thing, keeper, owner.holder)
        others = [line for line in wanted.others if _is_free(line, keeper, owner.holder, voice)]
        with Ears(keeper) as ears:
            open_ears(ears, wanted.lines, others, voice.tell)
            if not ears.transcripts:
                raise InfrastructureError(
                    "there is no serial line to listen to",
                    hint="plug the adapters in, or name lines: --console DEVICE",
                )
            voice.tell(f"listening to {', '.join(ears.transcripts)}")
            bench = _Bench(rig, owner, ears, voice, pace)
            return matched([_round(name, config, bench) for name, config in wanted.relays.items()])


@dataclass(frozen=True, slots=True)
class _Bench:
    """What each relay is tried with.

    Args:
        rig: the file that the keeper's promises are about.
        owner: makes them.
        ears: open.
        voice: asks and tells.
        pace: how long is listened.
    """

    rig: Rig
    owner: Owner
    ears: Ears
    voice: Voice
    pace: Pace


def _round(name: str, config: PowerConfig, bench: _Bench) -> Round:
    try:
        with closing(make_port(config)) as port:
            called = f"{name} ({port.name})"
            found = found_state(port)
        left = left_on(config, found)
        if not bench.voice.ask(_question(called, found, left=left)):
            return Round(name, {}, "not switched, as you said")
        bench.voice.tell(f"{name}: off, listen, on, listen (at most {bench.pace.within:g} s)")
        with promised(bench.rig, name, config, bench.owner, left=left) as relay:
            hearings = heard_cycle(relay, bench.ears, bench.pace, left=left)
    except NotPutBack:
        raise
    except InfrastructureError as error:
        bench.voice.tell(f"{name}: {error.message}")
        return Round(name, {}, f"it could not be tried: {error.message} ({error.hint})")
    round_ = Round(name, hearings)
    bench.voice.tell(f"{name}: {' and '.join(round_.rebooted) or 'nobody'} rebooted with it")
    return round_


def _question(called: str, found: PowerState, *, left: bool) -> str:
    word = "on" if left else "off"
    now = f"it is left {word}; it cannot tell how it is now"
    if found is not PowerState.UNKNOWN:
        now = f"it is {word} now, and is left so"
    return f"{called}: switch it off and on? What hangs on it loses its power; {now}."


def _rig_of(relays: Mapping[str, PowerConfig], folder: Path) -> Rig:
    """A rig file with these relays, for the keeper, which reads a file to know what it has promised."""
    file = folder / "relays.yaml"
    file.write_text(relays_text(relays), encoding="utf-8")
    return load_rig(file, cwd=folder)


def _things(wanted: Wanted) -> list[Thing]:
    """What is taken, each once, in the order of the names, so that no two wait for each other."""
    relays = (thing for config in wanted.relays.values() for thing in config.things())
    lines = (thing for line in wanted.lines for thing in line.config.things())
    return sorted({thing.name: thing for thing in (*relays, *lines)}.values())


def _is_free(line: Line, keeper: Keeper, holder: str, voice: Voice) -> bool:
    """Whether a line that is merely there can be had; it is taken then."""
    try:
        for thing in line.config.things():
            take_thing(thing, keeper, holder)
    except Busy as busy:
        voice.tell(f"not listened to: {busy.message}")
        return False
    return True
