"""Telnet taken apart: whatever a server sends, however it is cut."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hil.console.telnet import (
    DO,
    DONT,
    WILL,
    WONT,
    Negotiation,
    Subnegotiation,
    Telnet,
    escaped,
    negotiation,
    subnegotiation,
)

PIECES = st.one_of(
    st.binary(max_size=20),
    st.builds(Negotiation, st.sampled_from([DO, DONT, WILL, WONT]), st.integers(0, 255)),
    st.builds(Subnegotiation, st.integers(0, 254), st.binary(max_size=20)),
)


def wire(piece: bytes | Negotiation | Subnegotiation) -> bytes:
    match piece:
        case Negotiation(verb, option):
            return negotiation(verb, option)
        case Subnegotiation(option, data):
            return subnegotiation(option, data)
        case _:
            return escaped(piece)


def fed(data: bytes, cuts: list[int]) -> tuple[bytes, list[object]]:
    telnet, line, commands = Telnet(), b"", list[object]()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        more, found = telnet.feed(data[start:end])
        line += more
        commands += found
    return line, commands


@given(st.lists(PIECES, max_size=12), st.lists(st.integers(0, 1000), max_size=5))
def test_what_goes_in_comes_out_however_it_is_cut(
    pieces: list[bytes | Negotiation | Subnegotiation], cuts: list[int]
) -> None:
    line, commands = fed(b"".join(wire(piece) for piece in pieces), cuts)
    assert line == b"".join(piece for piece in pieces if isinstance(piece, bytes))
    assert commands == [piece for piece in pieces if not isinstance(piece, bytes)]


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_a_hostile_server_costs_no_more_than_it_sends(pieces: list[bytes]) -> None:
    telnet = Telnet()
    said = b"".join(telnet.feed(piece)[0] for piece in pieces)
    assert len(said) <= sum(len(piece) for piece in pieces)


def test_a_subnegotiation_without_an_end_is_not_kept_for_ever() -> None:
    """RFC 2217's own signature has no bound; what is longer than any serial server says is let go."""
    telnet = Telnet()
    telnet.feed(b"\xff\xfa\x2c")
    assert telnet.feed(b"x" * 1000)[0].endswith(b"xxx")


def test_the_frames_of_rfc_2217() -> None:
    """Section 3, SET-BAUDRATE: IAC SB COM-PORT-OPTION SET-BAUD <value(4)> IAC SE; a 255 in the value is doubled."""
    assert subnegotiation(44, b"\x01" + (9600).to_bytes(4, "big")) == bytes.fromhex("fffa2c0100002580fff0")
    assert subnegotiation(44, b"\x01" + (255).to_bytes(4, "big")) == bytes.fromhex("fffa2c01000000fffffff0")
    assert negotiation(WILL, 44) == bytes.fromhex("fffb2c")
