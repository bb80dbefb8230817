"""Finds secrets in bytes and texts, whole ones and those that may be about to come, and puts a mark in their place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from hil.redaction.forms import MARK, forms, hidden_parts
from hil.redaction.unwrapped import Unwrapped, begun_break

if TYPE_CHECKING:
    from hil.redaction.stream import RedactedStream

Span: TypeAlias = tuple[int, int]
"""Where something stands: from, and up to."""

_HEAD: Final = 3


class Redactor:
    """Knows some secrets. It never changes: for more secrets make another.

    Args:
        secrets: the values, as they are; those that are too short to be one (`hil.redaction.forms`) are left out.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        parts = {part for secret in secrets for part in hidden_parts(secret)}
        self._forms = sorted({form for part in parts for form in forms(part)})
        self._heads = {form[:_HEAD] for form in self._forms}
        self._shortest = min(map(len, self._forms), default=0)
        self._longest = max(map(len, self._forms), default=0)

    def __bool__(self) -> bool:
        """Whether it knows any."""
        return bool(self._forms)

    def data(self, data: bytes) -> bytes:
        """Some bytes that are all there is, with a mark for each secret; secrets that overlap get one together."""
        pieces, place = [], 0
        for start, end in self.spans(Unwrapped(data)):
            pieces += [data[place:start], MARK.encode()]
            place = end
        return b"".join([*pieces, data[place:]])

    def text(self, text: str) -> str:
        """As `data`, of a text."""
        if not self._forms:
            return text
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def document(self, value: object) -> object:
        """As `text`, of each text in lists and mappings, keys included; what else there is stays as it is."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.document(key): self.document(item) for key, item in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            return [self.document(item) for item in value]
        return value

    def stream(self) -> RedactedStream:
        """For bytes that come in chunks."""
        from hil.redaction.stream import RedactedStream

        return RedactedStream(self)

    def spans(self, seen: Unwrapped) -> list[Span]:
        """Where secrets stand in some bytes: those that overlap together, breaks within them included."""
        found = sorted(self._found(seen.data))
        if seen.broken:
            wrapped = ((seen.place(start), seen.place(end - 1) + 1) for start, end in self._found(seen.plain))
            found = sorted([*found, *wrapped])
        merged: list[Span] = []
        for start, end in found:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def begun(self, seen: Unwrapped) -> tuple[int, int]:
        """What may be the beginning of a secret at the end of some bytes: where it begins, and its length so far.

        The length is 0, and the place the end, where there is none; breaks do not count.
        """
        end = len(seen.data)
        if not self._forms:
            return end, 0
        unfinished = begun_break(seen.data)
        starts = [unfinished]
        length = 0
        raw = self._begun(seen.data)
        if raw < end:
            starts.append(seen.outside(raw))
            length = end - raw
        # What may be the first half of a break is looked at as both: as one, and as a part of the text.
        half = seen.data[unfinished:] or (b" " if seen.data.endswith(b" ") else b"")
        for plain in {seen.plain, seen.plain.removesuffix(half)} if seen.broken or half else ():
            start = self._begun(plain)
            if start < len(plain):
                starts.append(seen.place(start))
                length = max(length, len(plain) - start)
        return min(starts), length

    def _found(self, data: bytes) -> Iterator[Span]:
        if len(data) < self._shortest:
            return
        for form in self._forms:
            start = data.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = data.find(form, start + 1)

    def _begun(self, data: bytes) -> int:
        """Where the longest beginning of a form at the end of `data` begins; its length where there is none."""
        end = len(data)
        for start in range(max(0, end - self._longest + 1), end):
            if end - start >= _HEAD and data[start : start + _HEAD] not in self._heads:
                continue
            tail = data[start:]
            # All forms that begin with it stand together, from here on; it may be a whole one itself.
            place = bisect_left(self._forms, tail)
            place += place < len(self._forms) and self._forms[place] == tail
            if place < len(self._forms) and self._forms[place].startswith(tail):
                return start
        return end
