"""What a long step shows: one line on a terminal, few lines elsewhere."""

from __future__ import annotations

import io

import pytest

from hil.tools import progress
from hil.tools.progress import LiveLine, PlainLines, Step, quiet, shown_on


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    now = [0]
    monkeypatch.setattr(progress, "now_ns", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step("building"), "building"),
        (Step("lists", 40, 100, "percent"), "lists: 40 %"),
        (Step("file", 1_500_000, 4_000_000, "bytes"), "file: 1.5 MB of 4.0 MB, 2.5 MB left"),
        (Step("file", 1_500_000, None, "bytes"), "file: 1.5 MB"),
    ],
)
def test_a_step_says_what_is_left(step: Step, text: str) -> None:
    assert str(step) == text


def test_plain_lines_are_few(clock: list[int]) -> None:
    stream = io.StringIO()
    show = shown_on(stream)
    assert isinstance(show, PlainLines)
    for done in range(0, 100, 10):
        show(Step("file", done, 100, "percent"))
        clock[0] += 3 * 10**9
    show(Step("next"))
    show.close()
    assert stream.getvalue() == "file\nfile: 40 %\nfile: 80 %\nnext\n"


def test_a_live_line_is_written_over(clock: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    stream = Terminal()
    show = shown_on(stream)
    assert isinstance(show, LiveLine)
    show.close()
    show(Step("file", 0, 100, "percent"))
    show(Step("file", 1, 100, "percent"))
    clock[0] += 10**9
    show(Step("file", 50, 100, "percent"))
    show(Step("a very long next step"))
    show.close()
    assert stream.getvalue() == "\r\x1b[Kfile: 0 %\r\x1b[Kfile: 50 %\n\r\x1b[Ka very long\n"
    quiet(Step("nothing"))
