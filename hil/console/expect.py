"""Searching a growing stream for bounded patterns: nothing missed, nothing searched twice. Free of I/O and
of time.

The rule, for patterns of any width: as soon as what has arrived holds a match after the cursor, there is a
result, and of all matches then present the one that starts first wins, ties going to the pattern named
first. So the result depends on how the stream was cut only where a pattern could match in more than one
length.

A pattern's reach is the most bytes that can decide a match, counted from its start: its greatest width, what
its lookaheads see, and two bytes for an anchor at the end ("$" also matches before a last newline). A place
where a match failed is searched again only while bytes within its reach are still to come. "$" and "\\Z"
match at the end of what has arrived so far, which is right for a prompt and wrong for most else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from re import _constants, _parser  # type: ignore[attr-defined]

from hil.errors import UsageError

PatternLike = str | bytes | re.Pattern[bytes]

WIDEST = 1 << 16
_BLOCK = 1 << 13
_PEEK = 2


@dataclass(frozen=True, slots=True)
class Bounded:
    """A pattern that is known to be bounded.

    Args:
        shown: as the user wrote it.
        compiled: as bytes.
        reach: the most bytes from a match's start that decide it.
        literal: bytes that stand in every match, or b""; looking for them is far cheaper than matching.
    """

    shown: str
    compiled: re.Pattern[bytes]
    reach: int
    literal: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Args:
        index: which pattern, in the order they were given.
        pattern: as it was written.
        data: the bytes that matched.
        groups: the groups, in order; None for one that took no part.
        named: those that have names.
        start: offset in the stream.
        end: offset after the match.
        stamp_ns: when the last byte of the match arrived, ns of the one clock.
    """

    index: int
    pattern: str
    data: bytes
    groups: tuple[bytes | None, ...]
    named: Mapping[str, bytes | None] = field(repr=False)
    start: int
    end: int
    stamp_ns: int

    @property
    def text(self) -> str:
        """The match as text, UTF-8 with replacement."""
        return self.data.decode("utf-8", "replace")


@lru_cache(maxsize=512)
def bounded(pattern: PatternLike) -> Bounded:
    """Check a pattern and compile it; a str means its UTF-8 bytes, so "." is one byte of a character.

    Raises:
        UsageError: it is no regular expression, has no bound or one above 64 KiB, or may match without a
            byte.
    """
    shown = _shown(pattern)
    try:
        compiled = pattern if isinstance(pattern, re.Pattern) else re.compile(_as_bytes(pattern))
        tree = _parser.parse(compiled.pattern, compiled.flags)
    except (re.error, OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise UsageError(
            f"the pattern {shown!r} is no regular expression: {error}",
            hint="mend it; to wait for plain text, give re.escape(text)",
        ) from error
    if not isinstance(compiled.pattern, bytes):
        raise UsageError(
            f"the pattern {shown!r} was compiled from str, but a console speaks bytes",
            hint='compile it from bytes: re.compile(rb"...")',
        )
    least, most = tree.getwidth()
    if most > WIDEST:
        raise UsageError(
            f"the pattern {shown!r} may match more than {WIDEST} bytes: it could never be known to fail",
            hint="bound each repeat: write .{0,200} for .* and \\d{1,9} for \\d+",
        )
    if least == 0:
        raise UsageError(
            f"the pattern {shown!r} can match without any byte, so it would be found at once",
            hint="let it need at least one byte",
        )
    literal = b"" if compiled.flags & re.IGNORECASE else max(_literals(tree), key=len, default=b"")
    return Bounded(shown, compiled, _reach(tree), literal)


class Search:
    """Looks for several patterns in a buffer that only grows.

    Args:
        patterns: those to look for.
        start: index in the buffer of the first byte that a match may start at.
    """

    def __init__(self, patterns: Sequence[Bounded], start: int) -> None:
        self._patterns = patterns
        self._starts = [start] * len(patterns)
        self._seen = start
        self._reach = max((pattern.reach for pattern in patterns), default=1)
        self._literals = _shortest(tuple(pattern.literal for pattern in patterns))

    def look(self, buffer: bytearray) -> tuple[int, re.Match[bytes]] | None:
        """The first match in what the buffer holds now, after its pattern's index; None for none yet."""
        end = len(buffer)
        place = max(min(self._starts, default=end), self._seen - self._reach + 1)
        while True:
            # In blocks, so that a match near the front is found without searching all that lies behind it.
            stop = min(end, place + _BLOCK)
            hit = self._in_block(buffer, place, stop)
            if hit is not None:
                return hit
            if stop == end:
                self._seen = end
                return None
            place = stop

    def skip(self, index: int, place: int) -> None:
        """Let one pattern go on at `place` in the buffer; the others stay where they are."""
        self._starts[index] = place

    def _in_block(self, buffer: bytearray, place: int, stop: int) -> tuple[int, re.Match[bytes]] | None:
        """The first match that starts in [place, stop), or up to the end of the buffer in the last block."""
        end = len(buffer)
        last = stop == end
        reached = min(end, stop + self._reach)
        if self._literals and not any(buffer.find(literal, place, reached) >= 0 for literal in self._literals):
            return None
        best: tuple[int, re.Match[bytes]] | None = None
        for index, pattern in enumerate(self._patterns):
            start = max(place, self._starts[index], self._seen - pattern.reach + 1)
            if start >= stop and not last:
                continue
            limit = end if last else min(end, stop + pattern.reach)
            if pattern.literal and buffer.find(pattern.literal, start, limit) < 0:
                continue
            match = pattern.compiled.search(buffer, start, limit)
            if match is None or not (match.start() < stop or last):
                continue
            if best is None or match.start() < best[1].start():
                best = index, match
        return best


@lru_cache(maxsize=64)
def _shortest(literals: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Literals of which at least one stands in any match; none when some pattern has none."""
    if b"" in literals:
        return ()
    return tuple({one for one in literals if not any(other != one and other in one for other in literals)})


def found(patterns: Sequence[Bounded], hit: tuple[int, re.Match[bytes]], base: int, stamp_ns: int) -> Found:
    """A match in a buffer whose first byte stands at offset `base` of the stream, as a result."""
    index, match = hit
    return Found(
        index=index,
        pattern=patterns[index].shown,
        data=match.group(),
        groups=match.groups(),
        named=match.groupdict(),
        start=base + match.start(),
        end=base + match.end(),
        stamp_ns=stamp_ns,
    )


def _as_bytes(pattern: str | bytes) -> bytes:
    return pattern.encode() if isinstance(pattern, str) else pattern


def _shown(pattern: PatternLike) -> str:
    source = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    return source if isinstance(source, str) else source.decode("utf-8", "backslashreplace")


def _reach(tree: _parser.SubPattern) -> int:
    ahead, peeks = 0, 0
    for op, argument in _operations(tree):
        if op is _constants.AT:
            peeks = _PEEK
        elif op in (_constants.ASSERT, _constants.ASSERT_NOT):
            direction, inner = argument
            if direction > 0:
                ahead = max(ahead, _reach(inner))
    return int(tree.getwidth()[1]) + ahead + peeks


def _literals(tree: _parser.SubPattern) -> Iterator[bytes]:
    """The runs of plain bytes that every match of a case-sensitive pattern holds."""
    run = bytearray()
    for op, argument in tree.data:
        if op is _constants.LITERAL:
            run.append(argument)
            continue
        yield bytes(run)
        run.clear()
        if op is _constants.SUBPATTERN:
            _, added_flags, _, inner = argument
            if not added_flags & re.IGNORECASE:
                yield from _literals(inner)
    yield bytes(run)


def _operations(node: object) -> Iterator[tuple[object, tuple[int, _parser.SubPattern]]]:
    """Every operation of a parsed pattern, however deep; re keeps them as pairs in nested lists."""
    parts = node.data if isinstance(node, _parser.SubPattern) else node
    if isinstance(parts, tuple) and len(parts) == 2 and isinstance(parts[0], _constants._NamedIntConstant):
        yield parts
    if isinstance(parts, tuple | list):
        for part in parts:
            yield from _operations(part)
