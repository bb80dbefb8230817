"""One check of a Raspberry Pi's file as a row of data: what it finds, how bad that is, why, and who says so.

The rows are in `config_rules` and `cmdline_rules`; what they look for is in `config_finders` and `cmdline_finders`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hil.config.rpi import BoardModel
from hil.config.source import Place
from hil.lint.finding import Finding, Severity
from hil.netboot.rpi.config_txt import Board, ConfigTxt
from hil.netboot.rpi.config_written import Via
from hil.netboot.rpi.models import MODELS, ModelFiles


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a rule finds something.

    Args:
        line: from 1; 0 for the file as a whole.
        words: what stands there, as far as it matters.
        said: what the rule's texts name in braces.
    """

    line: int
    words: str = ""
    said: Mapping[str, object] = field(default_factory=dict)


Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject]):
    """One check.

    Args:
        id: its name in messages.
        severity: how bad what it finds is.
        what: what is wrong; may name in braces what a Hit says.
        why: what comes of it; may name as `what`.
        source: who says so: a document, or an issue thread.
        hint: what to do; may name as `what`.
        find: looks for it.
    """

    id: str
    severity: Severity
    what: str
    why: str
    source: str
    hint: str
    find: Callable[[Subject], Iterable[Hit]]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """All that it finds."""
        for hit in self.find(subject):
            message = f"{self.what.format(**hit.said)}: {self.why.format(**hit.said)} ({self.source})"
            place = Place(hit.line, 1 if hit.line else 0)
            yield Finding(self.severity, self.id, place, message, self.hint.format(**hit.said), hit.words)


@dataclass(frozen=True, slots=True)
class ConfigSubject:
    """A config.txt, and what is known of the board that gets it.

    Args:
        config: the file.
        model: of the board.
        serial: of the board; eight zeros where it is not known.
        via: what the board's firmware is to start; None where nobody said.
        files: the names of all files that it is served; None where that is not known.
    """

    config: ConfigTxt
    model: BoardModel
    serial: str = "0" * 8
    via: Via | None = None
    files: Collection[str] | None = None

    @property
    def board(self) -> Board:
        """What the filters of the file look at."""
        return Board(self.own.filters, self.serial, self.own.type)

    @property
    def own(self) -> ModelFiles:
        """What the model knows by itself."""
        return MODELS[self.model]

    def value(self, key: str, default: str = "") -> str:
        """What a setting is on the board."""
        return self.config.value(key, self.board, default)

    def lines_of(self, key: str) -> list[tuple[int, str]]:
        """Number and text of each line that sets a key on the board."""
        return [
            (line.number, line.text.strip())
            for line, setting in self.config.settings(self.board)
            if setting.key == key
        ]
