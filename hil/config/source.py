"""The text of one file as lines and places, and what has been found wrong with it. Knows no YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from hil.errors import ConfigError, Problem

_LINE_END: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # where the YAML reader counts a line
_UNPRINTABLE: Final = re.compile("[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One place of a text.

    Args:
        line: 1-based; 0 when the whole file is meant.
        column: 1-based, in characters; 0 when the whole line is meant.
    """

    line: int
    column: int


WHOLE_FILE: Final = Place(0, 0)
MAX_SHOWN: Final = 200
MIN_HIDDEN: Final = 4


class Source:
    """A file's text, cut into lines.

    Args:
        name: the file, as the user named it.
        text: its text.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._lines = _LINE_END.split(text)

    def place_at(self, index: int) -> Place:
        """The place of the character with that index, from 0."""
        before = _LINE_END.split(self.text[:index])
        return Place(len(before), len(before[-1]) + 1)

    def line(self, place: Place) -> str:
        """The line of a place as a terminal may show it; "" for none, or when the place is too far to the
        right."""
        if not 1 <= place.line <= len(self._lines) or place.column > MAX_SHOWN:
            return ""
        line = self._lines[place.line - 1]
        cut = line if len(line) <= MAX_SHOWN else line[:MAX_SHOWN] + "..."
        return printable(cut.replace("\t", " ")).rstrip()


class Findings:
    """What is wrong with a source.

    Args:
        source: the file.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._problems: dict[tuple[Place, str], Problem] = {}
        self._settled: frozenset[Place] = frozenset()
        self._hidden: dict[str, str] = {}
        self._dark_lines: set[int] = set()

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Note one problem, once, unless its place is settled.

        Args:
            place: where.
            message: what is wrong and what was expected.
            hint: what to write instead.
        """
        if place in self._settled:
            return
        message, hint = self._clean(message), self._clean(hint)
        problem = Problem(self.source.name, place.line, place.column, self.source.line(place), message, hint)
        self._problems.setdefault((place, message), problem)

    def hide(self, text: str, instead: str) -> None:
        """Show `instead` where a message would show `text`; a text shorter than MIN_HIDDEN would garble messages."""
        if len(text) >= MIN_HIDDEN:
            self._hidden[text] = instead

    def hide_line(self, place: Place) -> None:
        """Never show this line: it holds a secret."""
        self._dark_lines.add(place.line)

    def _clean(self, text: str) -> str:
        for hidden, instead in self._hidden.items():
            text = text.replace(hidden, instead)
        return printable(text)

    def settle(self) -> None:
        """Hear no more of the places that have a problem now: what follows from it would only confuse."""
        self._settled = frozenset(place for place, _ in self._problems)

    def __len__(self) -> int:
        return len(self._problems)

    def error(self) -> ConfigError:
        """All problems, in the order of the file."""
        problems = [self._problems[key] for key in sorted(self._problems)]
        return ConfigError([replace(p, text="") if p.line in self._dark_lines else p for p in problems])


def printable(text: str) -> str:
    """The text, safe to show on a terminal: each control character is one replacement character."""
    return _UNPRINTABLE.sub("\ufffd", text)
