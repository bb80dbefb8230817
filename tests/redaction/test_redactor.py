"""Whole texts: no secret stays in them, in whatever form it travels."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.redaction import MARK, Redactor

SECRET = "tskey-auth-kQ/9+z?=<&>\"'"


@pytest.mark.parametrize(
    "travels",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        repr(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    ],
)
def test_a_secret_is_found_as_it_travels(travels: str) -> None:
    assert Redactor([SECRET]).text(f"before {travels} after") == f"before {MARK} after"


@given(st.binary(max_size=7), st.binary(max_size=7), st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))
def test_a_secret_is_found_in_base64_wherever_it_begins(before: bytes, after: bytes, encode: object) -> None:
    assert callable(encode)
    text = encode(before + SECRET.encode() + after)
    assert MARK.encode() in Redactor([SECRET]).data(text)
    assert MARK.encode() in Redactor([SECRET]).data(text.rstrip(b"="))


def test_secrets_that_overlap_get_one_mark_and_leave_nothing() -> None:
    redactor = Redactor(["abcdef", "defghi", "cdefgh"])
    assert redactor.text("<abcdefghi> <abcdef> <abcdefabcdef>") == f"<{MARK}> <{MARK}> <{MARK}{MARK}>"


def test_the_longer_secret_is_hidden_whole() -> None:
    assert Redactor(["secret", "secretary-7"]).text("secretary-7, secret") == f"{MARK}, {MARK}"


def test_what_is_too_short_to_be_a_secret_stays() -> None:
    redactor = Redactor(["on", "12345", "  pad  ", ""])
    assert not redactor
    assert redactor.text("on 12345 pad") == "on 12345 pad"


def test_long_lines_of_a_key_are_hidden_one_by_one() -> None:
    key = f"-----BEGIN KEY-----\n{'A' * 64}\nshort\n-----END KEY-----\n"
    assert Redactor([key]).text(f"  {'A' * 64}\r\n  short\r\n-----END KEY-----") == (
        f"  {MARK}\r\n  short\r\n-----END KEY-----"
    )


@pytest.mark.parametrize("broken", ["abcde \rfghij", "abcde\r\r\nfghij", "abcdef\x08fghij", "abc\x1b[0;1mdefghij"])
def test_a_secret_that_a_line_editor_broke_is_found(broken: str) -> None:
    assert Redactor(["abcdefghij"]).text(f"# {broken}\r\n") == f"# {MARK}\r\n"


def test_a_document_keeps_its_numbers_and_loses_secrets_in_keys_and_values() -> None:
    document = {"secret-1": [123456, "x123456", None, 1.5, True, ("secret-1",)]}
    assert Redactor(["secret-1", "123456"]).document(document) == {MARK: [123456, f"x{MARK}", None, 1.5, True, [MARK]]}


@given(st.lists(st.text(min_size=6), min_size=1, max_size=4), st.lists(st.text(max_size=9), max_size=5), st.randoms())
def test_no_secret_is_left_in_any_text(secrets: list[str], others: list[str], random: object) -> None:
    usable = [secret for secret in secrets if len(secret.strip()) >= 6]
    pieces = [*usable, *others]
    random.shuffle(pieces)  # type: ignore[attr-defined]
    clean = Redactor(secrets).text("".join(pieces))
    assert all(secret.strip() not in clean.replace(MARK, "") or secret.strip() in MARK for secret in usable)


def test_a_text_that_is_no_unicode_passes() -> None:
    assert Redactor(["abcdefgh"]).text("\ud800 abcdefgh \udcff") == f"\ud800 {MARK} \udcff"
