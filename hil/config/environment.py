"""Values that a rig file takes from the environment (`!env NAME`), and those that must never be shown.

This module reads no environment and no file; it only says what such a value is once it has been read.
"""

from __future__ import annotations

import re
from typing import Final

VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""A variable's name as POSIX.1-2017 (Base Definitions, 8.1) has it, either case."""


class EnvValue(str):
    """Text that came from the environment; its `repr` names the variable and never the text.

    Args:
        text: the variable's value.
        variable: the variable's name.
    """

    __slots__ = ("variable",)

    variable: str

    def __new__(cls, text: str, variable: str) -> EnvValue:
        value = super().__new__(cls, text)
        value.variable = variable
        return value

    def __repr__(self) -> str:
        return f"!env {self.variable}"


class SecretText:
    """A password, key or token. `str`, `repr` and a record show only where it came from.

    Args:
        text: the secret.
        variable: the environment variable that held it.
    """

    __slots__ = ("_text", "variable")

    def __init__(self, text: str, variable: str) -> None:
        self._text = text
        self.variable = variable

    def reveal(self) -> str:
        """The secret itself, for the one place that hands it on."""
        return self._text

    def __repr__(self) -> str:
        return f"(secret from ${self.variable})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)
