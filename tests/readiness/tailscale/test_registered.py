"""Which node of a tailnet is the machine: by its address, else by its name; and what is said of those of its name."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from support.tailnet_seen import NODE, PEER

from hil.readiness.tailscale.registered import registered
from hil.services.tailnet.control import TailnetNode


def other(ident: int | str, *, online: bool = True, ago: float = 0.0, given: str = "node1-1") -> TailnetNode:
    assert NODE.last_seen is not None
    return dataclasses.replace(
        NODE,
        ident=ident,
        given_name=given,
        addresses=(f"100.64.0.1{ident}",),
        online=online,
        last_seen=NODE.last_seen - timedelta(seconds=ago),
    )


def test_by_its_name() -> None:
    found = registered([PEER, NODE], "node1", ())
    assert (found.node, found.twins, found.known) == (NODE, "", 2)


def test_names_have_no_case() -> None:
    assert registered([NODE], "Node1", ()).node == NODE


def test_the_name_that_the_control_server_gave_is_a_name_too() -> None:
    assert registered([other(5)], "node1-1", ()).node == other(5)


def test_nobody_of_that_name() -> None:
    found = registered([PEER], "node1", ())
    assert (found.node, found.twins, found.known) == (None, "", 1)


def test_who_is_online_comes_before_who_was_seen_last() -> None:
    gone = other(9, online=False)
    found = registered([gone, dataclasses.replace(NODE, last_seen=None)], "node1", ())
    assert found.node is not None
    assert found.node.ident == NODE.ident
    assert found.twins == "1 older of that name offline"


def test_of_two_online_the_one_that_was_seen_last() -> None:
    found = registered([other(9, ago=60), NODE], "node1", ())
    assert found.node == NODE
    assert found.twins == "1 more of that name online, this one was seen last"


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_offline_that_were_seen_at_once_the_newer(turn: int) -> None:
    both = [other(9, online=False), other(10, online=False)]
    assert registered(both[::turn], "node1", ()).node == both[1]


def test_a_name_instead_of_a_number_is_no_trouble() -> None:
    assert registered([other("nkKq2x"), other("²")], "node1", ()).node is not None


def test_its_own_address_decides() -> None:
    mine = other(9, ago=60)
    found = registered([NODE, mine], "node1", ("10.0.2.15/24", "100.64.0.19/32"))
    assert (found.node, found.twins) == (mine, "")


def test_an_address_beside_the_tailnet_decides_nothing() -> None:
    beside = dataclasses.replace(other(9, ago=60), addresses=("10.0.2.15",))
    assert registered([NODE, beside], "node1", ("10.0.2.15/24",)).node == NODE


def test_an_address_that_no_node_has_leaves_it_to_the_name() -> None:
    assert registered([NODE], "node1", ("100.64.7.7/32",)).node == NODE
