"""Secrets in what is kept are overwritten in place, also one that two packets of a connection share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.netboot.capture.hiding import Hiding

FLOW = b"a to b"
HEADER = b"h" * 7


def test_a_secret_is_overwritten_in_place() -> None:
    hiding = Hiding([b"hunter22", b"hunter22-longer", b"abc"])
    kept = hiding.hide(HEADER + b"GET /?key=hunter22&x=hunter22-longer abc", 7, FLOW)
    assert kept == HEADER + b"GET /?key=********&x=*************** abc"


def test_without_secrets_nothing_changes() -> None:
    assert Hiding([]).hide(b"anything", 0, FLOW) == b"anything"
    assert Hiding([b"ab", b""]).hide(b"abab", 0, FLOW) == b"abab"


def test_what_belongs_to_no_connection_is_searched_by_itself() -> None:
    hiding = Hiding([b"hunter22"])
    assert hiding.hide(b"hunter22 hunt", 0, b"") == b"******** hunt"
    assert hiding.hide(b"er22", 0, b"") == b"er22"


SECRETS = [b"hunter22", b"s3cr3t-t0ken", b"aaaaab"]


@given(
    st.lists(st.sampled_from([*SECRETS, b"hunter", b"aaa", b"x", b" "]), max_size=12).map(b"".join),
    st.lists(st.integers(1, 9), min_size=1, max_size=20),
)
def test_however_a_connection_is_cut_no_secret_is_left(said: bytes, cuts: list[int]) -> None:
    hiding, kept, number, at = Hiding(SECRETS), b"", 0, 0
    while at < len(said):
        piece = said[at : at + cuts[number % len(cuts)]]
        hidden = hiding.hide(HEADER + piece, len(HEADER), FLOW)
        assert hidden[: len(HEADER)] == HEADER
        assert hiding.hide(b"h" + piece, 1, b"another flow")[:1] == b"h"
        kept += hidden[len(HEADER) :]
        at, number = at + len(piece), number + 1
    assert len(kept) == len(said)
    for secret in SECRETS:
        at = said.find(secret)
        while at >= 0:
            # At most the three bytes that are too few to be told from anything else.
            assert kept[at : at + len(secret)].strip(b"*") in (b"", secret[:1], secret[:2], secret[:3])
            at = said.find(secret, at + 1)
    assert all(one == other or one == ord("*") for one, other in zip(kept, said, strict=True))
