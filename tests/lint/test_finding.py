"""How a finding is shown: its words under its place, and never further right than a terminal is wide."""

from __future__ import annotations

import pytest

from hil.config.source import Place
from hil.lint.finding import Finding, Severity


def rendered(column: int, words: str, words_column: int = 0) -> str:
    finding = Finding(Severity.ERROR, "rule", Place(3, column), "wrong", "mend it", words, words_column)
    return finding.problem("a.yaml").render()


def test_words_stand_at_their_place() -> None:
    assert rendered(3, "disk:") == "a.yaml:3:3: error: wrong [rule]\n      disk:\n      ^\n    mend it"


def test_words_may_begin_before_the_place() -> None:
    assert rendered(9, "disk:", 3) == "a.yaml:3:9: error: wrong [rule]\n      disk:\n            ^\n    mend it"


@pytest.mark.parametrize(("column", "words"), [(300, "disk:"), (3, ""), (0, "disk:")])
def test_without_words_that_can_be_shown_there_is_the_place_alone(column: int, words: str) -> None:
    place = f"3:{column}" if column else "3"
    assert rendered(column, words) == f"a.yaml:{place}: error: wrong [rule]\n    mend it"


def test_no_control_character_is_shown() -> None:
    finding = Finding(Severity.NOTE, "rule", Place(1, 1), "a\x1b[2Jb", "c\x07", "d\x00:")
    assert not {"\x1b", "\x07", "\x00"} & set(finding.problem("a.yaml").render())


@pytest.mark.parametrize("severity", list(Severity))
def test_strictness_takes_warnings_alone(severity: Severity) -> None:
    stricter = Finding(severity, "rule", Place(1, 1), "wrong").stricter()
    assert stricter.severity is (Severity.NOTE if severity is Severity.NOTE else Severity.ERROR)
