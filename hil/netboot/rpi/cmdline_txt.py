"""A Raspberry Pi's cmdline.txt, the arguments of a kernel that its firmware starts itself. Judges nothing.

One line of arguments, with blanks between them; a value in double quotes keeps its blanks (Linux,
Documentation/admin-guide/kernel-parameters.rst; raspberrypi/documentation, kernel-command-line-config.adoc).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ARGUMENT: Final = re.compile(r'(?:[^\s"]|"[^"]*"?)+')


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument.

    Args:
        line: from 1.
        column: from 1, in characters.
        name: before the first "=".
        value: after it, without quotes; None where there is no "=".
    """

    line: int
    column: int
    name: str
    value: str | None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class CmdlineTxt:
    """A cmdline.txt.

    Args:
        arguments: those of all lines, in order.
        lengths: characters of each line that is not empty, by its number.
    """

    arguments: tuple[Argument, ...]
    lengths: dict[int, int]

    def values(self, name: str) -> list[str]:
        """The values of every argument of that name, in order; "" for one without."""
        return [argument.value or "" for argument in self.arguments if argument.name == name]


def parse(data: bytes) -> CmdlineTxt:
    """Read the bytes of a cmdline.txt; every sequence of bytes is one."""
    lines = [text.removesuffix("\r") for text in data.decode("utf-8", "replace").split("\n")]
    arguments = [
        _argument(found, number) for number, text in enumerate(lines, start=1) for found in _ARGUMENT.finditer(text)
    ]
    return CmdlineTxt(
        tuple(arguments), {number: len(text) for number, text in enumerate(lines, start=1) if text.strip()}
    )


def _argument(found: re.Match[str], line: int) -> Argument:
    name, equals, value = found[0].partition("=")
    return Argument(line, found.start() + 1, name.strip('"'), value.replace('"', "") if equals else None)
