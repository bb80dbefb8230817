"""One thing that a check found in a user's file, and how bad it is. Finds nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from hil.config.source import WHOLE_FILE, Place, printable
from hil.errors import Problem

_MAX_COLUMN: Final = 120


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The machine will not become what the file says."""
    WARNING = "warning"
    """It may not, or something in the file has no effect."""
    NOTE = "note"
    """Worth a look; nothing is wrong by itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Args:
        severity: how bad it is.
        rule: the check that found it, as "install-disk".
        place: where, in the file.
        message: what is wrong; no value that may be a secret.
        hint: what to write instead, or "".
        words: what stands at the place, if it may be shown: a key, or a value that the check knows to be harmless. The
            line itself is never shown, for its rest may be a secret.
        words_column: where the words begin, from 1; 0 for the column of the place.
    """

    severity: Severity
    rule: str
    place: Place
    message: str
    hint: str = ""
    words: str = ""
    words_column: int = 0

    def problem(self, file: str) -> Problem:
        """The finding as a problem of a file, as compilers write it: severity, message, rule."""
        start = self.words_column or self.place.column
        text = " " * (start - 1) + self.words if self.words and 0 < start <= _MAX_COLUMN else ""
        message = f"{self.severity}: {printable(self.message)} [{self.rule}]"
        place = self.place
        return Problem(file, place.line, place.column, printable(text), message, printable(self.hint))

    def document(self) -> dict[str, object]:
        """The finding as a program reads it."""
        return {
            "severity": str(self.severity),
            "rule": self.rule,
            "line": self.place.line,
            "column": self.place.column,
            "words": self.words,
            "message": self.message,
            "hint": self.hint,
        }

    def stricter(self) -> Finding:
        """The finding with a warning taken for an error."""
        return replace(self, severity=Severity.ERROR) if self.severity is Severity.WARNING else self


def whole_file(rule: str, message: str, hint: str) -> Finding:
    """An error of the file as a whole."""
    return Finding(Severity.ERROR, rule, WHOLE_FILE, message, hint)
