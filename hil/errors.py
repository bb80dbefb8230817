"""The error tree: each kind says who has to act, and each error says what to do.

A broken bench must never look like a bad image, nor a bad image like a broken bench, so the kind is decided
where the fault is seen, never where it is reported. This module knows no colours and no terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class HilError(Exception):
    """Base of every error that a user meets.

    Args:
        message: what happened, and where (file:line, or node and stage), and what was expected.
        hint: what to do now; a sentence.
        evidence: paths of records, or the last lines of a console, in the order to read them.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str, evidence: Sequence[str | Path] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.evidence: tuple[str, ...] = tuple(str(item) for item in evidence)

    def render(self) -> str:
        """The error as the lines that a terminal or a report shows."""
        lines = [f"{self.label}: {self.message}"]
        lines += [f"  | {line}" for item in self.evidence for line in item.splitlines()]
        lines.append(f"  what to do: {self.hint}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """The error as a record has it."""
        return {
            "kind": type(self).__name__,
            "message": self.message,
            "hint": self.hint,
            "evidence": list(self.evidence),
        }

    @property
    def label(self) -> str:
        """Who is at fault, in the words of a report."""
        return "error"

    def __str__(self) -> str:
        return self.render()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a user's file.

    Args:
        file: the file, as the user named it.
        line: 1-based; 0 when the whole file is meant.
        column: 1-based; 0 when the whole line is meant.
        text: that line of the file, without its end; empty when there is none.
        message: what is wrong and what was expected.
        hint: what to write instead, or "".
    """

    file: str
    line: int
    column: int
    text: str
    message: str
    hint: str = ""

    def render(self) -> str:
        """`file:line:column: message`, the line, a caret, and the hint."""
        place = self.file + (f":{self.line}" if self.line else "") + (f":{self.column}" if self.column else "")
        lines = [f"{place}: {self.message}"]
        if self.text:
            lines.append(f"    {self.text}")
            if self.column:
                lines.append("    " + " " * (self.column - 1) + "^")
        if self.hint:
            lines.append(f"    {self.hint}")
        return "\n".join(lines)


class ConfigError(HilError):
    """The user's file is wrong; every problem that was found is in `problems`."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem], *, hint: str = "mend the file and run `hil rig check`") -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join([count, *(problem.render() for problem in self.problems)]), hint=hint)

    @property
    def label(self) -> str:
        return "configuration error"


class UsageError(HilError):
    """The command line, a marker or a call is wrong."""

    exit_code = 2

    @property
    def label(self) -> str:
        return "usage error"


class InfrastructureError(HilError):
    """The bench is broken: a missing program, a dead service, a relay that does not read back."""

    exit_code = 3

    @property
    def label(self) -> str:
        return "bench error"


class NodeError(HilError):
    """The machine under test, or what it was given to boot, failed: a panic, a reboot loop, not ready."""

    exit_code = 1

    @property
    def label(self) -> str:
        return "node error"


class MissingPart(HilError):
    """This machine lacks the part that was asked for; a test is skipped with the reason."""

    exit_code = 3

    @property
    def label(self) -> str:
        return "missing part"


class HilBug(HilError):
    """hil itself is wrong."""

    exit_code = 70

    @property
    def label(self) -> str:
        return "bug in hil"
