"""The rows of a console: their times, what a screen would obey, and a console that is too long for a page."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.boot_folders import ORIGIN_NS, record
from support.examples import unless_quick

from hil.report.page.console import read_console
from hil.report.page.visible import visible, visible_document


def rows(tmp_path: Path, *said: tuple[float, bytes]) -> list[tuple[float | None, str]]:
    record(tmp_path, said)
    return read_console(tmp_path / "console", ORIGIN_NS).rows


def test_a_row_has_the_time_of_its_first_byte(tmp_path: Path) -> None:
    found = rows(tmp_path, (0.5, b"one\r\ntw"), (1.0, b"o\n\nthree"), (1.5, b""), (2.0, b"\r\r\nfour"))
    assert found == [(0.5, "one"), (0.5, "two"), (1.0, ""), (1.0, "three"), (2.0, "four")]


def test_what_is_overwritten_on_a_terminal_is_a_row_of_its_own(tmp_path: Path) -> None:
    assert rows(tmp_path, (1.0, b"10%\r20%\rdone\r\n")) == [(1.0, "10%"), (1.0, "20%"), (1.0, "done")]


def test_hostile_bytes_are_seen(tmp_path: Path) -> None:
    hostile = b"\x00\x1b]0;title\x07\xff\xc3\x28\x7f\xc2\x85" + "\u202eevil\u2066\u200b".encode()
    assert rows(tmp_path, (1.0, hostile)) == [(1.0, "␀␛]0;title␇\\xff\\xc3(␡⟨U+0085⟩⟨U+202E⟩evil⟨U+2066⟩⟨U+200B⟩")]


def test_a_wide_row_is_cut_into_several(tmp_path: Path) -> None:
    found = rows(tmp_path, (1.0, b"x" * 1_000_000))
    assert len(found) == 500
    assert "".join(words for _, words in found) == "x" * 1_000_000


def test_a_long_console_has_its_beginning_and_its_end(tmp_path: Path) -> None:
    lines = [f"line {number:04d}\r\n".encode() for number in range(1000)]
    record(tmp_path, tuple((number / 100, line) for number, line in enumerate(lines)))
    said = read_console(tmp_path / "console", ORIGIN_NS, first=300, last=600)
    assert said.gap is not None
    began, ended = said.rows[: said.gap], said.rows[said.gap :]
    assert began[:2] == [(0.0, "line 0000"), (0.01, "line 0001")]
    assert ended[-2:] == [(9.98, "line 0998"), (9.99, "line 0999")]
    assert 0 < len(began) < len(ended) < 60
    assert said.bytes == 11_000
    assert "only the beginning and the end" in said.note


def test_bytes_that_grow_in_a_page_are_bounded_too(tmp_path: Path) -> None:
    record(tmp_path, ((1.0, b"<&>\r\n" * 100),))
    said = read_console(tmp_path / "console", ORIGIN_NS, first=400, last=600)
    assert said.gap is not None
    assert 10 < len(said.rows) < 40


def test_a_console_without_times_or_without_any(tmp_path: Path) -> None:
    record(tmp_path, ((1.0, b"a\r\n"),))
    assert read_console(tmp_path / "console", None).rows == [(None, "a")]
    (tmp_path / "console.idx").unlink()
    said = read_console(tmp_path / "console", ORIGIN_NS)
    assert said.rows == [(None, "a")]
    assert "console.idx cannot be read" in said.note
    (tmp_path / "console.log").unlink()
    assert "console.log cannot be read" in read_console(tmp_path / "console", ORIGIN_NS).note


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=unless_quick(60), deadline=None)
@given(log=st.binary(max_size=200), index=st.binary(max_size=100))
def test_any_bytes_are_a_recording(tmp_path: Path, log: bytes, index: bytes) -> None:
    (tmp_path / "console.log").write_bytes(log)
    (tmp_path / "console.idx").write_bytes(index)
    for first in (1000, 5):
        for _, words in read_console(tmp_path / "console", ORIGIN_NS, first=first, last=first).rows:
            words.encode()
            assert not any(ord(sign) < 0x20 and sign != "\t" for sign in words)


@given(st.text())
def test_what_is_visible_stays_so(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    visible(text).encode()
    assert visible("plain ünd ␛\n\t") == "plain ünd ␛\n\t"


def test_keys_are_made_visible_too() -> None:
    assert visible_document({"\x1b": ["\ud800", 1, None, ("\x7f",)]}) == {"␛": ["⟨U+D800⟩", 1, None, ["␡"]]}
