"""`hil report`: many boots are summarised, one is made a page, and two are put side by side on one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.boot_folders import data_of, made

from hil import cli


@pytest.fixture
def boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two boots, by their folders."""
    monkeypatch.chdir(tmp_path)
    return [str(made(Path("arts") / name).relative_to(".")) for name in ("a", "b")]


def names(page: str) -> int:
    found = data_of(Path(page).read_text("utf-8"))["boots"]
    assert isinstance(found, list)
    return len(found)


def test_a_boot_has_its_page_in_its_folder(boots: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", boots[0]]) == 0
    assert capsys.readouterr().out == "arts/a/boot.html\n"
    assert names("arts/a/boot.html") == 1


def test_two_boots_have_theirs_here_or_where_it_is_said(boots: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", *boots]) == 0
    assert cli.run(["report", *boots, "--out", "two.html"]) == 0
    assert capsys.readouterr().out == "boots.html\ntwo.html\n"
    assert names("boots.html") == names("two.html") == 2


def test_a_program_still_gets_the_summary_of_one_boot(boots: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", boots[0], "--json"]) == 0
    assert [boot["node"] for boot in json.loads(capsys.readouterr().out)["boots"]] == ["node1"]
    assert not Path("arts/a/boot.html").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["arts/a", "arts"], "arts is no folder of a boot: it has no boot.json"),
        (["arts/a", "arts/b", "arts/a"], "a page shows one boot or two, not 3"),
        (["arts", "--out", "p.html"], "--out is for a page"),
        (["arts/a", "arts/b", "--json"], "--json is of the summary"),
        (["arts/a", "arts/none"], "arts/none is no folder of a boot"),
    ],
)
@pytest.mark.usefixtures("boots")
def test_what_is_asked_wrongly(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "what to do" in told


def test_a_page_that_cannot_be_written(boots: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", boots[0], "--out", "no/p.html"]) == 3
    assert "no/p.html cannot be written" in capsys.readouterr().err


def test_a_broken_record_gives_a_page(boots: list[str]) -> None:
    Path(boots[0], "boot.json").write_text("{")
    assert cli.run(["report", boots[0]]) == 0
    assert "is no whole JSON document" in Path("arts/a/boot.html").read_text("utf-8")
