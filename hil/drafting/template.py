"""A template of Matchbox made readable once for all groups: a word for each field, which a group's values replace.

Go's text/template is not run, which Matchbox itself does: an action that is no field is nothing, and lines stay where
they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_FIELD: Final = re.compile(r"(?:\.\w+)+")
_WORD: Final = "hil-field-{}-"
_WORDS: Final = re.compile(r"hil-field-(\d+)-")


@dataclass(frozen=True, slots=True)
class Readable:
    """A template's text with a word in the place of each action.

    Args:
        text: of it, line for line.
        fields: what stands where, by the number in the word: a field as ".hostname", or another action.
    """

    text: str
    fields: tuple[str, ...]

    def filled(self, part: str, values: Mapping[str, object]) -> str | None:
        """A part of the text as a group has it; None when that takes more than its values.

        Args:
            part: of the text.
            values: the group's metadata and its selectors.
        """
        found = [self._value(int(number), values) for number in _WORDS.findall(part)]
        if any(value is None for value in found):
            return None
        rest = iter(found)
        return _WORDS.sub(lambda _: next(rest) or "", part)

    def _value(self, number: int, values: Mapping[str, object]) -> str | None:
        if number >= len(self.fields) or _FIELD.fullmatch(self.fields[number]) is None:
            return None
        found: object = values
        for name in self.fields[number][1:].split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return str(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else None


def readable(template: str) -> Readable:
    """A template made readable."""
    fields: list[str] = []

    def word(action: re.Match[str]) -> str:
        fields.append(action[1])
        return _WORD.format(len(fields) - 1)

    lines = _ACTION.sub(_on_one_line, template).split("\n")
    return Readable("\n".join("" if _steers(line) else _ACTION.sub(word, line) for line in lines), tuple(fields))


def _on_one_line(action: re.Match[str]) -> str:
    """An action over several lines as one, with the lines after it, so that what follows keeps its line."""
    return action[0].replace("\n", " ") + "\n" * action[0].count("\n")


def _steers(line: str) -> bool:
    """Whether a line has nothing but actions that put nothing into the text, as `{{ if .debug }}`."""
    actions = _ACTION.findall(line)
    return bool(actions) and not _ACTION.sub("", line).strip() and not any(map(_FIELD.fullmatch, actions))
