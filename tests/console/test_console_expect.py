"""The search: the same result as a plain search of all that has arrived, however the stream is cut."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hil.console.expect import _BLOCK, WIDEST, Search, bounded, found
from hil.errors import UsageError

ALPHABET = st.sampled_from([b"a", b"b", b"c", b"\n", b"\r", b"\xc3", b"\xa9"])
DATA = st.lists(ALPHABET, max_size=60).map(b"".join)
CUTS = st.lists(st.integers(0, 60), max_size=12)
FIXED = [rb"a", rb"ab", rb"abc", rb"[ab]c\n", rb"(?:a|b){3}", rb"(?<=b)a", rb"\xc3\xa9", rb"(?i:AB)c"]
ANY = [
    *FIXED,
    rb"a{1,4}b?",
    rb"a(?=bc)",
    rb"a(?!b)",
    rb"b(?=c{2}(?=a))",
    rb"(?m)^ab$",
    rb"a\b",
    rb"b\B",
    rb"c$",
    rb"a\Z",
    rb"(a)?b(?(1)c|\n)",
    rb"(?>a{1,3})b",
    rb"(?s)a.{0,20}?c",
    rb"(a|b)\1",
    rb"(?:ab|c)a",
    rb"(?P<x>ab)c?",
    rb"(?i:ab)c",
    rb"(?i)ab",
    rb"(?:ab){0,2}c",
    rb"(?:(?i:A)b|c)\n?",
    rb"b(?<=ab)c?",
    rb"[ab]\xc3\xa9?",
]


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut for cut in cuts if cut < len(data)} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def grow(patterns: list[bytes], chunks: list[bytes], start: int) -> tuple[int, int, int] | None:
    search, buffer = Search([bounded(pattern) for pattern in patterns], start), bytearray()
    for chunk in chunks:
        buffer += chunk
        if len(buffer) >= start and (hit := search.look(buffer)):
            return hit[0], hit[1].start(), hit[1].end()
    return None


def plain(patterns: list[bytes], chunks: list[bytes], start: int) -> tuple[int, int, int] | None:
    """The rule itself, with no cleverness: search everything again at each arrival."""
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        if len(buffer) < start:
            continue
        matches = [(index, re.compile(pattern).search(buffer, start)) for index, pattern in enumerate(patterns)]
        hits = [(match.start(), index, match.end()) for index, match in matches if match]
        if hits:
            first = min(hits)
            return first[1], first[0], first[2]
    return None


@given(pattern=st.sampled_from(FIXED), data=DATA, cuts=CUTS, start=st.integers(0, 10))
def test_a_fixed_width_pattern_is_found_where_a_search_of_the_whole_finds_it(
    pattern: bytes, data: bytes, cuts: list[int], start: int
) -> None:
    start = min(start, len(data))
    whole = re.compile(pattern).search(data, start)
    assert grow([pattern], pieces(data, cuts), start) == (whole and (0, whole.start(), whole.end()))


@given(patterns=st.lists(st.sampled_from(ANY), min_size=1, max_size=4), data=DATA, cuts=CUTS, start=st.integers(0, 10))
@example(patterns=[rb"c$"], data=b"aac\nb", cuts=[2, 3, 4], start=0)
@example(patterns=[rb"a(?=bc)"], data=b"xabc", cuts=[1, 2, 3], start=0)
@example(patterns=[rb"b\B"], data=b"aba", cuts=[2], start=0)
@example(patterns=[rb"b(?=c{2}(?=a))"], data=b"bcca", cuts=[1, 2, 3], start=0)
def test_any_patterns_are_found_as_by_searching_everything_again_at_each_arrival(
    patterns: list[bytes], data: bytes, cuts: list[int], start: int
) -> None:
    chunks, start = pieces(data, cuts), min(start, len(data))
    assert grow(patterns, chunks, start) == plain(patterns, chunks, start)


@given(before=st.integers(-70, 30), cut=st.integers(0, 20))
def test_a_match_over_a_search_block_border_is_found_whole(before: int, cut: int) -> None:
    before += _BLOCK
    data = b"." * before + b"a{needle}" + b"." * 40000 + b"a{needle}"
    chunks = pieces(data, [before + cut])
    assert grow([rb"a\{needle\}", rb"needle\}\.{5}"], chunks, 0) == (0, before, before + 9)


def test_the_end_of_a_search_block_is_not_the_end_of_what_arrived() -> None:
    assert grow([rb"x$"], [b"." * _BLOCK + b"x" * 100 + b"." * _BLOCK], 0) is None
    assert grow([rb"x{2,9}"], [b"." * _BLOCK + b"x" * 100], 0) == (0, _BLOCK, _BLOCK + 9)


def test_the_earliest_start_wins_and_ties_go_to_the_first_named() -> None:
    assert grow([rb"bc", rb"ab"], [b"xabc"], 0) == (1, 1, 3)
    assert grow([rb"ab", rb"abc"], [b"xabc"], 0) == (0, 1, 3)


def test_a_result_has_groups_and_offsets_of_the_stream() -> None:
    patterns = [bounded("ip=(?P<ip>[0-9.]{7,15}) (x)?")]
    hit = Search(patterns, 0).look(bytearray(b"probe ip=10.0.1.15 \xff"))
    assert hit is not None
    result = found(patterns, hit, 1000, 7)
    assert (result.start, result.end, result.stamp_ns, result.index) == (1006, 1019, 7, 0)
    assert result.groups == (b"10.0.1.15", None)
    assert result.named == {"ip": b"10.0.1.15"}
    assert (result.text, result.data) == ("ip=10.0.1.15 ", b"ip=10.0.1.15 ")


@pytest.mark.parametrize("pattern", ["a.*b", "x+", rb"(?:ab)*c", "a{70000}", f"(?:a{{1,{WIDEST}}}b)"])
def test_a_pattern_without_a_bound_is_refused_with_the_way_to_bound_it(pattern: str | bytes) -> None:
    with pytest.raises(UsageError, match="may match more than 65536 bytes") as refused:
        bounded(pattern)
    assert ".{0,200}" in refused.value.hint


@pytest.mark.parametrize("pattern", ["", "a?", "(?=a)", "^", "(?:|a)"])
def test_a_pattern_that_needs_no_byte_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="can match without any byte"):
        bounded(pattern)


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "(?P<1>a)", "\ud800"])
def test_a_broken_pattern_is_refused_with_its_reason(pattern: str) -> None:
    with pytest.raises(UsageError, match="is no regular expression"):
        bounded(pattern)


def test_a_pattern_compiled_from_str_is_refused_and_one_from_bytes_keeps_its_flags() -> None:
    with pytest.raises(UsageError, match="compiled from str"):
        bounded(re.compile("abc"))  # type: ignore[arg-type]
    assert grow([re.compile(rb"ABC", re.I)], [b"xabc"], 0) == (0, 1, 4)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (rb"abc", b"abc"),
        (rb"ab[0-9]{1,3}cde(?:f|g)", b"cde"),
        (rb"(a(?P<x>bcd))e?", b"bcd"),
        (rb"(?i)abc", b""),
        (rb"(?i:abc)de", b"de"),
        (rb"(?:abc)?d", b"d"),
        (rb"abc|abd", b"ab"),
        (rb"(?=abc)[abc]", b""),
        (rb"[ab]", b""),
    ],
)
def test_the_literal_stands_in_every_match(pattern: bytes, literal: bytes) -> None:
    assert bounded(pattern).literal == literal


@pytest.mark.parametrize(
    ("pattern", "reach"),
    [(rb"abc", 3), (rb"a(?=bc{1,3})", 5), (rb"(?m)^x$", 3), (rb"(?<=abc)d", 1), ("é", 2), (rb"a(?=b(?=ccc))", 5)],
)
def test_the_reach_counts_what_decides_a_match(pattern: str | bytes, reach: int) -> None:
    assert bounded(pattern).reach == reach
