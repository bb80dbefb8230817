"""Finds secrets in bytes and texts, whole ones and those that may be about to come, and puts a mark in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        self._forms = {form for part in parts for form in forms(part)}
        self._longest = max(map(len, self._forms), default=0)
        self._shorter = {size: {form[:size] for form in self._forms} for size in range(1, _HEAD)}
        self._by_head: dict[bytes, list[bytes]] = {}
        for form in self._forms:
            self._by_head.setdefault(form[:_HEAD], []).append(form)

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
        return self.look(seen)[0]

    def look(self, seen: Unwrapped) -> tuple[list[Span], int, int]:
        """What of some bytes is secret, and what may become so.

        Args:
            seen: the bytes.

        Returns:
            Where secrets stand, those that overlap together, breaks within them included; where at the end the
            beginning of one, or of a break, may stand (the bytes' length where none does); how long that is, without
            breaks.
        """
        if not self._forms:
            return [], len(seen.data), 0
        found, begun = self._scan(seen.data)
        unfinished = begun_break(seen.data)
        starts = [unfinished, seen.outside(begun)]
        length = len(seen.data) - begun
        if seen.broken:
            wrapped, begun = self._scan(seen.plain)
            found += [(seen.place(start), seen.place(end - 1) + 1) for start, end in wrapped]
            starts.append(seen.place(begun))
            length = max(length, len(seen.plain) - begun)
        # What may be the first half of a break is looked at as both: as one, and as a part of the text.
        half = seen.data[unfinished:] or (b" " if seen.data.endswith(b" ") else b"")
        if half:
            plain = seen.plain.removesuffix(half)
            _, begun = self._scan(plain, max(0, len(plain) - self._longest))
            starts += [seen.place(begun)] if begun < len(plain) else []
            length = max(length, len(plain) - begun)
        return _merged(found), min(starts), length

    def _scan(self, data: bytes, first: int = 0) -> tuple[list[Span], int]:
        """Where forms stand in `data` from `first` on, and where the longest beginning of one at its end begins."""
        found: list[Span] = []
        end = len(data)
        begun = end - next((size for size in range(_HEAD - 1, 0, -1) if data[-size:] in self._shorter[size]), 0)
        for head, forms_of_it in self._by_head.items():
            start = data.find(head, first)
            while start >= 0:
                for form in forms_of_it:
                    if data.startswith(form, start):
                        found.append((start, start + len(form)))
                    elif start < begun and form.startswith(data[start : start + len(form)]):
                        begun = start
                start = data.find(head, start + 1)
        return found, begun


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
