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


HEAD = b"GET / HTTP/1.1\r\nHost: a\r\nauthorization : Basic dTpw\r\nCookie:x=y\r\nAccept: */*\r\n\r\n"
WITHOUT = HEAD.replace(b" Basic dTpw", b"*" * 11).replace(b"x=y", b"***")


def test_what_fields_for_credentials_say_is_overwritten_whoever_knows_it() -> None:
    assert Hiding([]).hide_credentials(HEADER + HEAD, len(HEADER), FLOW) == HEADER + WITHOUT
    assert Hiding([]).hide_credentials(HEADER + b"a\nb", len(HEADER), FLOW) == HEADER + b"a\nb"


WITHIN = [HEAD.index(value) + at for value in (b" Basic dTpw", b"x=y") for at in range(len(value) + 1)]


@given(st.sampled_from(WITHIN))
def test_credentials_that_go_on_in_the_next_packet_too(cut: int) -> None:
    hiding = Hiding([])
    first, second = (hiding.hide_credentials(piece, 0, FLOW) for piece in (HEAD[:cut], HEAD[cut:]))
    assert first + second == WITHOUT


def test_credentials_on_another_connection_are_another_matter() -> None:
    hiding = Hiding([])
    hiding.hide_credentials(b"Cookie: abc", 0, FLOW)
    assert hiding.hide_credentials(b"Accept: x\r\n", 0, b"other") == b"Accept: x\r\n"
    assert hiding.hide_credentials(b"def\r\nAccept: x\r\n", 0, FLOW) == b"***\r\nAccept: x\r\n"
