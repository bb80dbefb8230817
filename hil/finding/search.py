"""All of `hil rig find` but its command line: locks, opens, asks, switches one relay after the other, matches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from hil.clock import Deadline
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.errors import InfrastructureError
from hil.finding.cycle import NotPutBack, Pace, Relay, found_state, heard_cycle, left_as
from hil.finding.ears import Ears, Line, open_ears
from hil.finding.matching import Findings, Round, matched
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.locks import Busy, Lock
from hil.power.opening import make_port
from hil.power.port import PowerState
from hil.taking import lock_folder, take

_START_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found out about.

    Args:
        relays: the power ports, by name, with real devices.
        lines: the serial lines that a person named.
        others: those that are merely there.
    """

    relays: Mapping[str, PowerConfig]
    lines: Sequence[Line]
    others: Sequence[Line] = ()


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
    with ExitStack() as stack:
        relays = [stack.enter_context(_opened(name, config)) for name, config in wanted.relays.items()]
        for thing in _things(wanted):
            stack.enter_context(_locked(thing))
        others = [line for line in wanted.others if _is_free(stack, line, voice)]
        keeper = stack.enter_context(Keeper.start(new_runtime_dir("find"), deadline=Deadline.after(_START_SECONDS)))
        ears = stack.enter_context(Ears(keeper))
        open_ears(ears, wanted.lines, others, voice.tell)
        if not ears.transcripts:
            raise InfrastructureError(
                "there is no serial line to listen to", hint="plug the adapters in, or name lines: --console DEVICE"
            )
        voice.tell(f"listening to {', '.join(ears.transcripts)}")
        return matched([_round(relay, ears, voice, pace) for relay in relays])


def _round(relay: Relay, ears: Ears, voice: Voice, pace: Pace) -> Round:
    try:
        found = found_state(relay)
        if not voice.ask(_question(relay, found)):
            return Round(relay.name, {}, "not switched, as you said")
        voice.tell(f"{relay.name}: off, listen, on, listen (at most {pace.within:g} s)")
        hearings = heard_cycle(relay, found, ears, pace)
    except NotPutBack:
        raise
    except InfrastructureError as error:
        voice.tell(f"{relay.name}: {error.message}")
        return Round(relay.name, {}, f"it could not be tried: {error.message} ({error.hint})")
    round_ = Round(relay.name, hearings)
    voice.tell(f"{relay.name}: {' and '.join(round_.rebooted) or 'nobody'} rebooted with it")
    return round_


def _question(relay: Relay, found: PowerState) -> str:
    left = "on" if left_as(relay, found) else "off"
    now = f"it is {left} now, and is left so" if found is not PowerState.UNKNOWN else f"it is left {left}"
    unsure = "" if found is not PowerState.UNKNOWN else "; it cannot tell how it is now"
    return f"{relay.name} ({relay.port.name}): switch it off and on? What hangs on it loses its power; {now}{unsure}."


@contextmanager
def _opened(name: str, config: PowerConfig) -> Iterator[Relay]:
    port = make_port(config)
    try:
        yield Relay(name, config, port)
    finally:
        port.close()


def _things(wanted: Wanted) -> list[Thing]:
    """What is taken, each once, in the order of the names, so that no two wait for each other."""
    relays = (thing for config in wanted.relays.values() for thing in config.things())
    lines = (thing for line in wanted.lines for thing in line.config.things())
    return sorted({thing.name: thing for thing in (*relays, *lines)}.values())


def _is_free(stack: ExitStack, line: Line, voice: Voice) -> bool:
    """Whether a line that is merely there can be had; it is taken then."""
    for thing in line.config.things():
        try:
            stack.enter_context(_locked(thing))
        except Busy as busy:
            voice.tell(f"not listened to: {busy.message}")
            return False
    return True


@contextmanager
def _locked(thing: Thing) -> Iterator[None]:
    lock = Lock(lock_folder() / thing.file_name, what="hil rig find", shared=True)
    take(lock, thing.name)
    try:
        yield
    finally:
        lock.release()
