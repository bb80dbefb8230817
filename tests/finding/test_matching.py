"""Who powers whom: only what is sure is a pair, and all else is said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.finding.evidence import Heard, Hearing
from hil.finding.matching import Findings, Round, matched

MAC = "52:54:00:12:34:56"
YES = Hearing(Heard.REBOOTED, "U-Boot 2024.01", 0.4, (MAC,))
NO = Hearing(Heard.NOTHING)


def rounds(**table: str) -> list[Round]:
    """A row for each relay: a letter for each console, from a on; R rebooted, N said nothing, T talked, G no text."""
    letters = {"R": YES, "N": NO, "T": Hearing(Heard.TALKED), "G": Hearing(Heard.GARBLED)}
    return [
        Round(relay, {chr(ord("a") + place): letters[letter] for place, letter in enumerate(row)})
        for relay, row in table.items()
    ]


def pairs(findings: Findings) -> dict[str, str]:
    return {pair.relay: pair.console for pair in findings.pairs}


def test_what_reboots_with_one_relay_alone_is_found_in_any_order() -> None:
    assert pairs(matched(rounds(r1="NNR", r2="RNN", r3="NRN"))) == {"r1": "c", "r2": "a", "r3": "b"}


def test_two_boards_on_one_supply_are_said_and_not_written() -> None:
    findings = matched(rounds(r1="RRN", r2="NNR"))
    assert pairs(findings) == {"r2": "c"}
    assert len(findings.not_found) == 1
    assert "r1: a and b rebooted with it: two boards on one supply" in findings.not_found[0]


def test_a_console_that_reboots_with_two_relays_belongs_to_neither() -> None:
    findings = matched(rounds(r1="RN", r2="RN", r3="NR"))
    assert pairs(findings) == {"r3": "b"}
    assert ["r2" in findings.not_found[0], "r1" in findings.not_found[1]] == [True, True]


@pytest.mark.parametrize(
    ("letter", "relay", "console"),
    [
        ("N", "no console rebooted with it: no board hangs on it", "it said nothing at all"),
        ("T", "or its contact is welded", "it talked all the time"),
        ("G", "perhaps it is this one's console, at another speed; try --console a@BAUD", "no text at this speed"),
    ],
)
def test_why_a_relay_and_a_console_are_in_no_pair_is_said(letter: str, relay: str, console: str) -> None:
    findings = matched(rounds(r1=letter))
    assert findings.pairs == ()
    assert findings.not_found[0].startswith("r1: ")
    assert relay in findings.not_found[0]
    assert findings.not_found[1].startswith("a: ")
    assert console in findings.not_found[1]


def test_a_relay_that_was_not_tried_says_why() -> None:
    findings = matched([Round("r1", {}, "not switched, as you said"), *rounds(r2="R")])
    assert pairs(findings) == {"r2": "a"}
    assert findings.not_found == ("r1: not switched, as you said",)


def test_words_that_hil_does_not_know_are_shown() -> None:
    findings = matched([Round("r1", {"a": Hearing(Heard.SPOKE, "vendor loader 3"), "b": Hearing(Heard.GONE)})])
    assert "'vendor loader 3'" in findings.not_found[0]
    assert findings.not_found[1:] == (
        "a: it rebooted with none of these relays",
        "b: its line went away; see that its plug holds",
    )


def test_an_address_that_is_not_surely_its_own_is_not_taken() -> None:
    assert [pair.mac for pair in matched(rounds(r1="R")).pairs] == [MAC]
    twice = matched(rounds(r1="RN", r2="NR"))
    assert [pair.mac for pair in twice.pairs] == [None, None], "two boards cannot have one address"
    assert all(MAC in sentence for sentence in twice.not_found)
    several = matched([Round("r1", {"a": Hearing(Heard.REBOOTED, "x", 0.1, (MAC, "52:54:00:00:00:01"))})])
    assert several.pairs[0].mac is None


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.text("RNTG", min_size=n, max_size=n), min_size=1, max_size=4)))
def test_each_relay_and_console_is_in_one_pair_at_most_or_is_spoken_of(table: list[str]) -> None:
    findings = matched(rounds(**{f"r{number}": row for number, row in enumerate(table)}))
    found = pairs(findings)
    assert len(set(found.values())) == len(found)
    spoken = " ".join(findings.not_found)
    assert all(f"r{number}" in found or f"r{number}: " in spoken for number in range(len(table)))
