"""A YAML file as a small tree of values that know their places, and values in the words of a message.

Made by `hil.config.yamlpos`; this module reads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from hil.config.environment import EnvValue
from hil.config.source import Place

Value: TypeAlias = str | int | float | bool | None

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_MAX_DIGITS: Final = 25
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]{1,400}|[0-9]{1,400}(?:\.[0-9]{0,400})?)(?:[eE][-+]?[0-9]{1,9})?")
_WORDS: Final[Mapping[str, Value]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """One value and its place; `size` counts it as one node."""

    place: Place
    value: Value
    size: int = 1


@dataclass(frozen=True, slots=True)
class YamlList:
    """A list and the place where it starts; `size` counts its nodes with aliases written out."""

    place: Place
    items: tuple[YamlNode, ...]
    size: int


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """One key's place and what stands under it."""

    key_place: Place
    node: YamlNode


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """Keys with what stands under them, and the place of the first; `size` as in YamlList."""

    place: Place
    entries: Mapping[str, YamlEntry]
    size: int


YamlNode: TypeAlias = YamlScalar | YamlList | YamlMapping


def environment_texts(node: YamlNode) -> Iterator[EnvValue]:
    """Every text of a tree that came from the environment."""
    if isinstance(node, YamlScalar):
        if isinstance(node.value, EnvValue) and node.value:
            yield node.value
        return
    children = node.items if isinstance(node, YamlList) else [entry.node for entry in node.entries.values()]
    for child in children:
        yield from environment_texts(child)


def plain_value(text: str) -> Value:
    """What unquoted text means by the core schema; text that means nothing else is text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def kind_of(value: object) -> str:
    """What a value is, in the words of a message; text from the environment is named, never shown."""
    if isinstance(value, EnvValue):
        return f"the value of the environment variable {value.variable}"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        digits = repr(value)
        return f"the number {digits if len(digits) <= _MAX_DIGITS else digits[:_MAX_DIGITS] + '...'}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return "keys and values" if isinstance(value, Mapping) else "a list"


def quoted(text: str) -> str:
    """Text in quotes for a message, cut when it is long; `!env NAME` for text from the environment."""
    return repr(text) if isinstance(text, EnvValue) or len(text) <= 60 else repr(text[:57] + "...")
