"""Who powers whom, from what every console said during every switching: the pairs that are sure, and all that is not.

A pair is one relay with which one console rebooted, which rebooted with no other relay. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hil.finding.evidence import Heard, Hearing


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one relay.

    Args:
        relay: its name.
        hearings: what each console said, by its name; empty where the relay was not switched.
        skipped: why it was not, or not to the end; "" otherwise.
    """

    relay: str
    hearings: Mapping[str, Hearing]
    skipped: str = ""

    @property
    def rebooted(self) -> list[str]:
        """The consoles that rebooted with it."""
        return self.which(Heard.REBOOTED)

    def which(self, heard: Heard) -> list[str]:
        """The consoles that were heard so."""
        return [name for name, hearing in self.hearings.items() if hearing.heard is heard]


@dataclass(frozen=True, slots=True)
class Pair:
    """A relay and the console of the board that it powers.

    Args:
        relay: its name.
        console: its name.
        hearing: the evidence.
        mac: the board's address, where it said one and one alone.
    """

    relay: str
    console: str
    hearing: Hearing
    mac: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """All that came out.

    Args:
        pairs: in the order of the relays.
        not_found: a sentence for each relay and each console that is in no pair, and for each doubt.
    """

    pairs: tuple[Pair, ...]
    not_found: tuple[str, ...]


def matched(rounds: Sequence[Round]) -> Findings:
    """Who powers whom.

    Args:
        rounds: one for each relay.
    """
    claims = _claims(rounds)
    sure = [round_ for round_ in rounds if len(round_.rebooted) == 1 and len(claims[round_.rebooted[0]]) == 1]
    said = [mac for round_ in sure for mac in set(round_.hearings[round_.rebooted[0]].macs)]
    pairs = []
    for round_ in sure:
        console = round_.rebooted[0]
        hearing = round_.hearings[console]
        mac = hearing.macs[0] if len(hearing.macs) == 1 and said.count(hearing.macs[0]) == 1 else None
        pairs.append(Pair(round_.relay, console, hearing, mac))
    paired = {pair.console for pair in pairs}
    left = [
        *(_about(round_, claims) for round_ in rounds if round_ not in sure),
        *(_about_console(name, rounds) for name in _consoles(rounds) if name not in paired and name not in claims),
        *_several_macs(pairs),
    ]
    return Findings(tuple(pairs), tuple(left))


def _claims(rounds: Sequence[Round]) -> dict[str, list[str]]:
    """The relays that each console rebooted with."""
    claims: dict[str, list[str]] = {}
    for round_ in rounds:
        for console in round_.rebooted:
            claims.setdefault(console, []).append(round_.relay)
    return claims


def _consoles(rounds: Sequence[Round]) -> list[str]:
    return list(dict.fromkeys(name for round_ in rounds for name in round_.hearings))


def _about(round_: Round, claims: Mapping[str, Sequence[str]]) -> str:
    """Why a relay is in no pair."""
    if round_.skipped:
        return f"{round_.relay}: {round_.skipped}"
    if len(round_.rebooted) > 1:
        return (
            f"{round_.relay}: {' and '.join(round_.rebooted)} rebooted with it: two boards on one supply, which each"
            " need a relay of their own, or two consoles of one board"
        )
    if round_.rebooted:
        console = round_.rebooted[0]
        return (
            f"{round_.relay}: {console} rebooted with it, and with {_others(claims[console], round_.relay)} too: its"
            " supply goes through both, or the board restarts by itself"
        )
    reasons = [
        *(
            f"{name} said what is no text at this speed after the power came: perhaps it is this one's console, at"
            f" another speed; try --console {name}@BAUD"
            for name in round_.which(Heard.GARBLED)
        ),
        *(
            f"{name} began to speak after the power came, but hil knows no firmware or kernel that begins with"
            f" {round_.hearings[name].words!r}"
            for name in round_.which(Heard.SPOKE)
        ),
    ]
    if reasons:
        return f"{round_.relay}: " + "; ".join(reasons)
    return (
        f"{round_.relay}: no console rebooted with it: no board hangs on it, its board's console is none of these or"
        " is silent, or its contact is welded and did not open"
    )


def _about_console(name: str, rounds: Sequence[Round]) -> str:
    """Why a console is in no pair, where it rebooted with no relay."""
    heard = {round_.hearings[name].heard for round_ in rounds if name in round_.hearings}
    if Heard.GONE in heard:
        return f"{name}: its line went away; see that its plug holds"
    if Heard.GARBLED in heard:
        return f"{name}: what it says is no text at this speed; give another one: --console {name}@BAUD"
    if heard == {Heard.NOTHING}:
        return f"{name}: it said nothing at all; is its board on, and its speed right?"
    if heard == {Heard.TALKED}:
        return f"{name}: it talked all the time: its board has its power from elsewhere, or through a welded contact"
    return f"{name}: it rebooted with none of these relays"


def _several_macs(pairs: Sequence[Pair]) -> Iterator[str]:
    for pair in pairs:
        if pair.hearing.macs and pair.mac is None:
            said = ", ".join(pair.hearing.macs)
            yield f"{pair.console}: it named {said} as MAC address; which one is its own is not sure"


def _others(relays: Sequence[str], relay: str) -> str:
    return " and ".join(other for other in relays if other != relay)
