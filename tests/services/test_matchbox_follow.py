"""What Matchbox's log says of one node, among the lines of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from support.wire import Wire

from hil.errors import InfrastructureError, NodeError
from hil.services.matchbox.follow import MatchboxFollower

MAC = "52:54:00:12:34:56"
UUID = "AAAAAAAA-2222-3333-4444-555555555555"


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.hang_up()


def follower(wire: Wire) -> MatchboxFollower:
    def explain(labels: Mapping[str, str]) -> str:
        return f"no group selects serial={labels.get('serial')}"

    return MatchboxFollower(wire, node="n1", mac=MAC, uuid=UUID, explain=explain)


def line(message: str, *, mac: str = MAC, uuid: str = "", serial: str = "S", more: str = "") -> bytes:
    labels = f"map[arch:arm64 mac:{mac} serial:{serial} uuid:{uuid}]"
    return f'time="2026-11-23T08:35:19Z" level=debug msg="{message}" labels="{labels}"{more}\n'.encode()


def test_the_profile_that_was_chosen(wire: Wire) -> None:
    followed = follower(wire)
    wire.says(line("Matched an iPXE config", more=" profile=probe"), stamp_ns=123)
    [mark] = followed.take()
    assert (mark.stage, mark.at_ns, mark.source, mark.evidence) == ("profile", 123, "matchbox", "profile 'probe'")
    assert mark.error_ns > 0
    assert followed.profile == "probe"
    assert followed.take() == []
    followed.close()
    assert followed.fileno() == -1


def test_the_machine_configuration_that_was_given(wire: Wire) -> None:
    followed = follower(wire)
    wire.says(line("Matched a generic template", more=" group=node1 profile=talos"), stamp_ns=456)
    [mark] = followed.take()
    assert (mark.stage, mark.at_ns, mark.evidence) == ("config", 456, "/generic for group 'node1'")
    assert followed.profile is None


def test_a_line_that_comes_in_pieces(wire: Wire) -> None:
    followed = follower(wire)
    whole = line("Matched an iPXE config", more=" profile=probe")
    wire.says(whole[:40])
    assert followed.take() == []
    wire.says(whole[40:])
    assert [mark.evidence for mark in followed.take()] == ["profile 'probe'"]


@pytest.mark.parametrize(
    "other",
    [
        line("Matched an iPXE config", mac="52:54:00:99:99:99", more=" profile=other"),
        line("Matched an iPXE config", mac="", uuid="11111111-2222-3333-4444-555555555555", more=" profile=other"),
        line("Matched a generic template", mac="52:54:00:99:99:99", more=" group=g profile=other"),
        line("No matching profile", mac="52-54-00-99-99-99"),
        line("No matching group"),
        b'time="2026-11-23T08:35:19Z" level=info msg="HTTP GET /assets/probe/kernel"\n',
        b"\xff not a line of Matchbox\n",
    ],
)
def test_what_is_not_this_nodes_is_passed_over(wire: Wire, other: bytes) -> None:
    followed = follower(wire)
    wire.says(other)
    assert followed.take() == []
    assert followed.profile is None


@pytest.mark.parametrize(
    "labels", [{"mac": "52-54-00-12-34-56"}, {"mac": "", "uuid": UUID.lower()}, {"mac": "", "uuid": ""}]
)
def test_nothing_for_this_node_is_its_death_with_the_reason(wire: Wire, labels: dict[str, str]) -> None:
    followed = follower(wire)
    wire.says(line("No matching profile", serial="BOARD-7", **labels))
    with pytest.raises(NodeError, match=r"n1: Matchbox has no profile .* no group selects serial=BOARD-7"):
        followed.take()


def test_the_end_of_matchbox_is_the_benchs_fault(wire: Wire) -> None:
    followed = follower(wire)
    wire.ends()
    with pytest.raises(InfrastructureError, match="n1: Matchbox ended while this machine was booting"):
        followed.take()
    wire.hang_up()
    with pytest.raises(InfrastructureError, match="n1: the keeper of this bench has ended"):
        followed.take()
