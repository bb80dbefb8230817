"""A Raspberry Pi's config.txt as typed lines, each with its number. Judges nothing (`hil.lint.raspberry`).

The format: raspberrypi/documentation, config_txt/what_is_config_txt.adoc and config_txt/conditional.adoc. One
`property=value` a line, `#` at its beginning makes a comment, `[filter]` says on which boards the lines after it
count; `initramfs FILE ADDRESS` and `include FILE` have no `=`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

_ENCODING: Final = "utf-8"
_ERRORS: Final = "surrogateescape"  # whatever bytes there are come back as they were
_FILTER: Final = re.compile(r"\s*\[([^\[\]]*)\]\s*")
_SETTING: Final = re.compile(r"\s*([^\s=\[#][^\s=]*?)(?::([0-9]+))?\s*=\s*(.*?)\s*")
_DIRECTIVE: Final = re.compile(r"\s*(initramfs|include)\s+(\S.*?)\s*")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, or an empty line."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A conditional filter.

    Args:
        name: without brackets, as "cm4", "all" or "gpio4=1".
    """

    name: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A property.

    Args:
        key: its name, as written; "initramfs" and "include" too.
        value: what comes after "=" (after the blank, for those two), without blanks at its ends.
        port: the HDMI port of `key:port=value`; "" without one.
    """

    key: str
    value: str
    port: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A line that is nothing of the kind."""


Item: TypeAlias = Comment | Filter | Setting | Unknown


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Args:
        number: from 1.
        text: as written, without its end.
        item: what it is.
        filters: the filters that it stands under: the last of each kind.
    """

    number: int
    text: str
    item: Item
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """What filters look at.

    Args:
        filters: the model filters that it passes, as {"pi4", "cm4"}.
        serial: the last eight hexadecimal digits of its serial number, small.
        type: the number of its model, bits 4 to 11 of its revision code (revision-codes.adoc); None where unknown.
    """

    filters: frozenset[str]
    serial: str
    type: int | None = None


@dataclass(frozen=True, slots=True)
class ConfigTxt:
    """A config.txt.

    Args:
        lines: all of them.
        size: bytes of the file.
    """

    lines: tuple[Line, ...]
    size: int = field(default=0, compare=False)

    def settings(self, board: Board) -> Iterator[tuple[Line, Setting]]:
        """The settings that may count on a board, in order."""
        for line in self.lines:
            if isinstance(line.item, Setting) and may_apply(line.filters, board):
                yield line, line.item

    def value(self, key: str, board: Board, default: str = "") -> str:
        """What a setting is on a board: the last line that says it counts.

        Args:
            key: its name.
            board: which.
            default: where no line says it.
        """
        found = [setting.value for _, setting in self.settings(board) if setting.key == key]
        return found[-1] if found else default

    def overlays(self, board: Board) -> tuple[str, ...]:
        """The overlays that a board loads, in order, without their parameters (`dtoverlay=NAME,PARAMETER`)."""
        named = (
            setting.value.split(",", 1)[0].split(":", 1)[0]
            for _, setting in self.settings(board)
            if setting.key in ("dtoverlay", "device_tree_overlay")
        )
        return tuple(name.strip() for name in named if name.strip())

    def render(self) -> bytes:
        """The file's bytes; what was parsed comes back, with one kind of line end."""
        return "".join(f"{line.text}\n" for line in self.lines).encode(_ENCODING, _ERRORS)


def parse(data: bytes) -> ConfigTxt:
    """Read the bytes of a config.txt; every sequence of bytes is one."""
    text = data.decode(_ENCODING, _ERRORS)
    texts = text.split("\n")
    if texts[-1] == "":
        texts.pop()
    return _with_filters((each.removesuffix("\r") for each in texts), len(data))


def of_settings(settings: Iterable[tuple[str, str]], comment: str = "") -> ConfigTxt:
    """A config.txt that says these settings of every board.

    Args:
        settings: names and values, in order.
        comment: its first line, without "#"; "" for none.
    """
    texts = ([f"# {comment}"] if comment else []) + [f"{key}={value}" for key, value in settings]
    return parse("".join(f"{text}\n" for text in texts).encode(_ENCODING, _ERRORS))


def may_apply(filters: Iterable[str], board: Board) -> bool:
    """Whether lines under these filters can count on a board; what only the board can know may be so."""
    return all(_may_pass(name, board) for name in filters)


def is_model_filter(name: str) -> bool:
    """Whether a filter looks at the board's model, as [cm4] and [none] do."""
    return name != "all" and _kind(name) == "model"


def _with_filters(texts: Iterable[str], size: int) -> ConfigTxt:
    lines: list[Line] = []
    active: dict[str, str] = {}
    for number, text in enumerate(texts, start=1):
        item = _item(text)
        if isinstance(item, Filter):
            # conditional.adoc, "Combining conditional filters": of one kind the last counts, [all] ends them all.
            if item.name == "all":
                active = {}
            else:
                active[_kind(item.name)] = item.name
        lines.append(Line(number, text, item, tuple(active.values())))
    return ConfigTxt(tuple(lines), size)


def _item(text: str) -> Item:
    if not text.strip() or text.lstrip().startswith("#"):
        return Comment()
    if found := _FILTER.fullmatch(text):
        return Filter(found[1].strip())
    if found := _SETTING.fullmatch(text):
        return Setting(found[1], found[3], found[2] or "")
    if found := _DIRECTIVE.fullmatch(text):
        return Setting(found[1], found[2])
    return Unknown()


def _kind(name: str) -> str:
    """Which filters it replaces. `[none]` counts as one of the model filters, by what they have in common. Newer
    firmware compares variables that the board alone has, as in `[bootvar0=42]` (raspberrypi/documentation, pull
    request 4193)."""
    if re.fullmatch(r"0x[0-9A-Fa-f]+", name):
        return "serial"
    if head := re.match(r"(EDID|HDMI|gpio[0-9]+|board-type|tryboot|partition)\b", name):
        return head[1]
    return "expression" if re.search(r"[=<>&|!]", name) else "model"


def _may_pass(name: str, board: Board) -> bool:
    kind = _kind(name)
    if kind == "model":
        return name in board.filters
    if kind == "board-type":
        return board.type is None or _number(name.partition("=")[2]) == board.type
    if kind == "serial":
        return int(name, 16) & 0xFFFFFFFF == int(board.serial, 16)
    return True


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None
