"""Whether a machine is where it is asked: said only where the wire shows that it is not."""

from __future__ import annotations

import pytest

from hil.netboot.lan.hosts import Host
from hil.netboot.lan.whereabouts import elsewhere
from hil.netns.neighbours import Neighbour

MAC, OTHER = "dc:a6:32:00:00:01", "02:00:00:00:00:20"
NODE = Host("n1", MAC, "192.168.1.71", "")
THERE = Neighbour("192.168.1.71", MAC)
AWAY = Neighbour("192.168.1.57", MAC)
STRANGER = Neighbour("192.168.1.71", OTHER)


@pytest.mark.parametrize(
    "known",
    [(), (THERE,), (AWAY, THERE), (STRANGER,), (Neighbour("192.168.1.57", OTHER),)],
    ids=["nothing was seen", "there", "there in the end", "a stranger alone", "a stranger elsewhere"],
)
def test_nothing_is_said_where_nothing_is_known(known: tuple[Neighbour, ...]) -> None:
    assert elsewhere(NODE, known) is None


def test_nor_where_nobody_says_where_it_is_asked() -> None:
    assert elsewhere(Host("n1", MAC, "", ""), (AWAY,)) is None


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            (AWAY,),
            "it is asked at 192.168.1.71, and nobody there has answered: its port dc:a6:32:00:00:01 had 192.168.1.57",
        ),
        ((STRANGER, AWAY), "it is asked at 192.168.1.71, which 02:00:00:00:00:20 has: its port"),
    ],
)
def test_it_is_elsewhere(known: tuple[Neighbour, ...], words: str) -> None:
    trouble = elsewhere(NODE, known)
    assert trouble is not None
    assert trouble.words.startswith(words)
    assert "`addresses: {n1: 192.168.1.57}`" in trouble.hint
