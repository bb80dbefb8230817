"""`hil cache`: listing, checking and removing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli.cache import command
from hil.errors import InfrastructureError, UsageError
from hil.tools.cache import Cache
from hil.tools.entry import Entry, entry_json


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("HIL_CACHE", str(tmp_path))
    cache = Cache()
    for name in ("one", "two"):
        with cache.work() as work:
            (work / "made").write_text(name)
            cache.put_file(name, work / "made", key="k", origin=f"origin of {name}", how="by hand")
    return cache


def names() -> list[str]:
    return [entry.name for entry in Cache().entries()]


def test_ls(cache: Cache) -> None:
    done = CliRunner().invoke(command, ["ls"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].endswith(": 2 entries, 0.0 MB")
    assert lines[2] == "    origin of one"


def test_ls_json(cache: Cache) -> None:
    document = json.loads(CliRunner().invoke(command, ["ls", "--json"]).stdout)
    assert next(iter(document)) == "schema"
    assert document["schema"] == "hil.cache/1"
    assert [(entry["name"], entry["state"]) for entry in document["entries"]] == [
        ("one", "not read"),
        ("two", "not read"),
    ]


def test_verify_finds_what_was_altered(cache: Cache) -> None:
    done = CliRunner().invoke(command, ["ls", "--verify"])
    assert done.exit_code == 0
    assert done.stdout.count("sound") == 2
    path = cache.file("one")
    assert path is not None
    path.write_text("ONE")
    done = CliRunner().invoke(command, ["ls", "--verify"])
    assert "altered" in done.stdout
    assert isinstance(done.exception, InfrastructureError)
    assert done.exception.message.endswith("altered or gone: one")
    path.unlink()
    done = CliRunner().invoke(command, ["ls"])
    assert "gone" in done.stdout
    assert isinstance(done.exception, InfrastructureError)


def test_rm_names(cache: Cache) -> None:
    done = CliRunner().invoke(command, ["rm", "one"])
    assert done.stdout == "removed one\n0.0 MB set free\n"
    assert names() == ["two"]
    done = CliRunner().invoke(command, ["rm", "one", "two"])
    assert isinstance(done.exception, UsageError)
    assert done.exception.message == "the cache holds no one"
    assert names() == ["two"]


def test_rm_all(cache: Cache) -> None:
    assert CliRunner().invoke(command, ["rm", "--all"]).exit_code == 0
    assert names() == []


def test_rm_what_is_old(cache: Cache, tmp_path: Path) -> None:
    old = cache.entry("one")
    assert old is not None
    aged = Entry("one", old.key, "file", old.digest, old.size, old.origin, old.how, old.made - 7200)
    (tmp_path / "entries/one.json").write_text(entry_json(aged))
    assert CliRunner().invoke(command, ["rm", "--older-than", "3h"]).stdout.startswith("removed nothing\n")
    assert CliRunner().invoke(command, ["rm", "--older-than", "1h"]).stdout.startswith("removed one\n")
    assert names() == ["two"]
    done = CliRunner().invoke(command, ["rm", "--older-than", "soon"])
    assert isinstance(done.exception, UsageError)
    assert "--older-than" in done.exception.message


@pytest.mark.parametrize("words", [[], ["one", "--all"], ["--all", "--older-than", "1h"]])
def test_rm_takes_one_way_of_saying_what(cache: Cache, words: list[str]) -> None:
    assert isinstance(CliRunner().invoke(command, ["rm", *words]).exception, UsageError)
    assert names() == ["one", "two"]
