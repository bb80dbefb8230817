"""Rig files broken in many ways, each with the whole message that its user reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hil.config.rig import Rig
from hil.errors import ConfigError

Load = Callable[..., Rig]

CASES = dict(
    re.findall(
        r"^=== (.+)\n((?:.*\n)*?--- says\n(?:.*\n)*?)(?=\n===|\Z)",
        Path(__file__).with_name("broken_rigs.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)


def said(load: Load, text: str | bytes) -> str:
    """The problems of a rig file, as `hil rig check` shows them."""
    with pytest.raises(ConfigError) as caught:
        load(text)
    return "\n".join(problem.render() for problem in caught.value.problems)


@pytest.mark.parametrize("case", CASES)
def test_message(case: str, load: Load, tmp_path: Path) -> None:
    text, expected = CASES[case].split("--- says\n")
    assert said(load, text) == expected.strip("\n").replace("{dir}", str(tmp_path))


def test_all_cases_are_read() -> None:
    assert len(CASES) == Path(__file__).with_name("broken_rigs.txt").read_text(encoding="utf-8").count("--- says\n")
    assert len(CASES) > 40


BYTES = {
    "empty": (b"", "./rig.yaml:1: the file is empty"),
    "byte-order mark": (b"\xef\xbb\xbfhil: 1\n", "./rig.yaml:1:1: the file starts with a byte-order mark"),
    "not UTF-8": (b"hil: 1\nname: caf\xe9\n", "./rig.yaml:2:10: byte 0xe9 is not UTF-8"),
    "NUL": (b"hil: 1\nname: a\0b\n", "./rig.yaml:2:8: character U+0000 may not stand in a YAML file"),
    "NUL by an escape": (b'hil: 1\nname: "a\\0b"\n', "./rig.yaml:2:7: an escape here makes the character U+0000"),
    "a terminal's escape": (b"hil: 1\n\x1b[31m: 2\n", "./rig.yaml:2:1: character U+001B may not stand in a YAML file"),
    "too long": (b"#" * ((1 << 20) + 1), "./rig.yaml:1: the file is longer than 1048576 bytes"),
}


@pytest.mark.parametrize("case", BYTES)
def test_bytes_that_are_not_yaml(case: str, load: Load) -> None:
    data, expected = BYTES[case]
    shown = said(load, data)
    assert expected in shown.splitlines()
    assert "\x1b" not in shown
    assert "\0" not in shown


def test_long_lines_and_words_are_cut(load: Load) -> None:
    shown = said(load, "hil: 1\n" + "k" * 5000 + ": 1\nnodes: {a: {kind: " + "x" * 5000 + "}}\n")
    assert max(len(line) for line in shown.splitlines()) < 300


def test_the_rendered_error_says_what_to_do(load: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        load("- a\n")
    assert caught.value.render() == (
        "configuration error: 1 problem\n"
        "./rig.yaml:1:1: expected keys and values at the top, not a list\n"
        "    - a\n"
        "    ^\n"
        "    start with `hil: 1`\n"
        "  what to do: mend the file and run `hil rig check`"
    )
