"""Switches one relay off and on again while every console is heard, and puts it back as found. Judges nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.config.power import PowerConfig
from hil.errors import InfrastructureError
from hil.finding.ears import Ears
from hil.finding.evidence import Cycle, Heard, Hearing, judge
from hil.power.port import PowerPort, PowerState

# A PoE switch looks at its ports in turn and takes some ten seconds (hil.power.poe), a relay an instant.
_SWITCHES_WITHIN: Final = 20.0
_LOOK_EVERY: Final = 0.1


class NotPutBack(InfrastructureError):
    """A relay is not as it was found."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is listened; seconds.

    Args:
        before: before anything is switched.
        quiet: in the dark, after the relay's own `off_at_least`, in which nothing may be said.
        within: after the power came, for first words; a firmware that is silent and boots from the network lets its
            kernel speak late.
        linger: at least so long after the first words, and as long again as they took: for a second console that
            reboots with it, and for the MAC address.
    """

    before: float = 1.0
    quiet: float = 1.0
    within: float = 45.0
    linger: float = 5.0


@dataclass(frozen=True, slots=True)
class Relay:
    """One power port that is tried.

    Args:
        name: what the rig calls it.
        config: its section of the rig.
        port: switches it.
    """

    name: str
    config: PowerConfig
    port: PowerPort


def found_state(port: PowerPort) -> PowerState:
    """How a relay is now. Errors as in `hil.power.port`."""
    return port.read(deadline=Deadline.after(_SWITCHES_WITHIN))


def left_on(config: PowerConfig, found: PowerState) -> bool:
    """Whether a relay is left on: as it was found, and where it cannot tell, as its `leave:` says (off otherwise)."""
    return found is PowerState.ON or (found is PowerState.UNKNOWN and config.leave == "on")


def heard_cycle(relay: Relay, ears: Ears, pace: Pace, *, left: bool) -> dict[str, Hearing]:
    """What each console said while a relay was switched off, on, and back.

    Args:
        relay: which.
        ears: open.
        pace: how long is listened.
        left: whether it is on afterwards.

    Raises:
        NotPutBack: it could not be put back.
        InfrastructureError: it could not be switched, or does not read back.
    """
    with cycled(relay, ears, pace, left=left) as cycle:
        return _listen_on(ears, cycle, pace)


@contextmanager
def cycled(relay: Relay, ears: Ears, pace: Pace, *, left: bool) -> Iterator[Cycle]:
    """A relay that has been switched off and, after a time in the dark, on again; at the end of the block put back.

    Args:
        relay: which.
        ears: open; they listen before it and in the dark.
        pace: how long they do.
        left: whether it is on afterwards.

    Raises:
        NotPutBack: it could not be put back.
        InfrastructureError: it could not be switched, or does not read back.
    """
    began = now_ns()
    _listen_for(ears, pace.before)
    with _put_back(relay, left):
        _switch(relay, on=False)
        off = now_ns()
        _listen_for(ears, relay.config.off_at_least)
        quiet = now_ns()
        _listen_for(ears, pace.quiet)
        on = now_ns()
        _switch(relay, on=True)
        yield Cycle(began, off, quiet, on)


def _listen_for(ears: Ears, seconds: float) -> None:
    """Listen bit by bit: a host that stalls then takes away one bit, and not all the time in which a board speaks."""
    bits = max(1, math.ceil(seconds / _LOOK_EVERY))
    for _ in range(bits):
        ears.listen(Deadline.after(seconds / bits))


def _listen_on(ears: Ears, cycle: Cycle, pace: Pace) -> dict[str, Hearing]:
    limit = Deadline.after(pace.within)
    lingers = False
    while True:
        ears.listen(limit.sooner(_LOOK_EVERY))
        hearings = {name: judge(transcript, cycle) for name, transcript in ears.transcripts.items()}
        if limit.expired:
            return hearings
        if not lingers and any(hearing.heard is Heard.REBOOTED for hearing in hearings.values()):
            lingers = True
            limit = Deadline.after(max(pace.linger, (now_ns() - cycle.on_ns) / NANOSECONDS))


@contextmanager
def _put_back(relay: Relay, on: bool) -> Iterator[None]:
    try:
        yield
    finally:
        try:
            _switch(relay, on=on)
        except InfrastructureError as error:
            raise NotPutBack(
                f"{relay.name} was to be left {_word(on)}, and was not: {error.message}",
                hint=f"see how it is, by hand if need be: {error.hint}",
            ) from error


def _switch(relay: Relay, *, on: bool) -> None:
    # Its interlock may wait before it lets it be switched on.
    deadline = Deadline.after(_SWITCHES_WITHIN + relay.config.off_at_least)
    state = relay.port.switch(on, deadline=deadline)
    if state is PowerState.UNKNOWN:
        state = relay.port.read(deadline=deadline)
    if state is (PowerState.OFF if on else PowerState.ON):
        raise InfrastructureError(
            f"{relay.name} ({relay.port.name}) was switched {_word(on)} and reads back {state.value}",
            hint="see that nothing else switches it, and that it is what the rig says it is",
        )


def _word(on: bool) -> str:
    return "on" if on else "off"
