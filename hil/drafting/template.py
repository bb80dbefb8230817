"""A template of Matchbox as a group's machines get it, near enough to read what it says. Matchbox itself renders it.

Go's text/template is not run: a field is replaced by its value, any other action by nothing, and lines stay where they
are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_FIELD: Final = re.compile(r"(?:\.\w+)+")
_UNKNOWN: Final = "unknown"


def render(text: str, values: Mapping[str, object]) -> str:
    """The text with a group's values in it.

    Args:
        text: the template.
        values: the group's metadata and its selectors.
    """
    return "".join(_line_of(line, values) for line in _ACTION.sub(_on_one_line, text).splitlines(keepends=True))


def _on_one_line(action: re.Match[str]) -> str:
    """An action over several lines as one, with the lines after it, so that what follows keeps its line."""
    return action[0].replace("\n", " ") + "\n" * action[0].count("\n")


def _line_of(line: str, values: Mapping[str, object]) -> str:
    if (
        _ACTION.search(line)
        and not _ACTION.sub("", line).strip()
        and not any(map(_FIELD.fullmatch, _ACTION.findall(line)))
    ):
        return "\n"
    return _ACTION.sub(lambda action: _value(action[1], values), line)


def _value(action: str, values: Mapping[str, object]) -> str:
    """What a field is; a word that means nothing for everything else."""
    if _FIELD.fullmatch(action) is None:
        return _UNKNOWN
    found: object = values
    for name in action[1:].split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return str(found) if isinstance(found, str | int | float) and "\n" not in str(found) else _UNKNOWN
