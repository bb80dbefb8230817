"""Sizes and times: what is written is what is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hil.config import units
from hil.config.model import FileContext, Mac, Seconds, Size
from hil.config.source import Source

UNHURRIED = settings(deadline=None)  # a busy machine is no failure


@UNHURRIED
@given(st.integers(1, units.LARGEST_SIZE))
def test_a_size_comes_back(size: int) -> None:
    assert units.parse_size(units.format_size(size)) == size


@UNHURRIED
@given(st.integers(0, 10**12))
def test_a_time_comes_back(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert units.parse_seconds(units.format_seconds(seconds)) == seconds


def hint_or_value(parse: Callable[[str], float], text: str) -> str | float:
    """What `parse` makes of a text, or what it says to write instead."""
    try:
        return parse(text)
    except units.BadQuantity as error:
        return error.hint


@pytest.mark.parametrize("parse", [units.parse_size, units.parse_seconds])
@UNHURRIED
@given(st.text(max_size=30) | st.from_regex(r"[0-9.]{0,25} ?[A-Za-z]{0,4}"))
def test_any_text_is_a_quantity_or_bad(parse: Callable[[str], float], text: str) -> None:
    found = hint_or_value(parse, text)
    assert found if isinstance(found, str) else found >= 0


@pytest.mark.parametrize(
    ("text", "size"), [("1B", 1), ("64KiB", 65536), ("1.5 MiB", 1572864), ("1GiB", 1 << 30), ("2TiB", 1 << 41)]
)
def test_sizes(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("90s", 90), ("0s", 0), ("2min", 120), ("1.5h", 5400), ("0.001ms", 1e-6)]
)
def test_times(text: str, seconds: float) -> None:
    assert units.parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5400.0, "90min"), (7200.0, "2h"), (90.0, "90s"), (0.25, "250ms"), (0.0, "0.0s"), (1e-7, "0.0000001s")],
)
def test_times_are_written_exactly(seconds: float, text: str) -> None:
    assert units.format_seconds(seconds) == text


def test_a_bare_number_is_refused_in_a_file_only() -> None:
    size, seconds = TypeAdapter(Size), TypeAdapter(Seconds)
    assert size.validate_python(1024, strict=True) == 1024
    assert seconds.validate_python(1.5, strict=True) == 1.5
    for adapter in (size, seconds):
        with pytest.raises(ValidationError, match="has no unit"):
            adapter.validate_python(1024, strict=True, context=FileContext(Path()))
        with pytest.raises(ValidationError, match="valid"):
            adapter.validate_python(True, strict=True, context=FileContext(Path()))


@UNHURRIED
@given(st.binary(min_size=6, max_size=6))
def test_a_mac_is_unicast_and_normal(octets: bytes) -> None:
    adapter = TypeAdapter(Mac)
    written = octets.hex("-").upper()
    if octets[0] & 1 or not any(octets):
        with pytest.raises(ValidationError):
            adapter.validate_python(written)
    else:
        assert adapter.validate_python(written) == octets.hex(":")


def test_a_place_is_where_the_character_is() -> None:
    source = Source("x", "ab\r\nc\rd\u2028e\n\nf")
    for index, char in enumerate(source.text):
        if char.isalpha():
            place = source.place_at(index)
            assert source.line(place)[place.column - 1] == char
