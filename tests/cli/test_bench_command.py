"""`hil bench`: what is open, and its end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil import cli
from hil.clock import Deadline
from hil.config.model import HostPort
from hil.config.things import device, endpoint
from hil.keeper.client import Keeper
from hil.keeper.runtime import live_benches, new_runtime_dir
from hil.locks import Lock


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hc-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def hil(*arguments: str) -> int:
    return cli.run(["bench", *arguments])


def test_nothing_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert hil("ls") == 0
    assert capsys.readouterr().out == "no bench is open\n"
    assert hil("ls", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "hil.bench/1", "benches": [], "things": {}}


def test_a_bench_is_listed_and_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with Keeper.start(new_runtime_dir("virt"), deadline=Deadline.after(10)) as keeper:
        name = keeper.directory.name
        assert hil("ls") == 0
        assert capsys.readouterr().out == f"{name}\n"
        assert hil("ls", "--json") == 0
        assert json.loads(capsys.readouterr().out) == {
            "schema": "hil.bench/1",
            "benches": [name],
            "things": {name: []},
        }
        assert hil("end", f"{name}x") == 2
        error = capsys.readouterr().err
        assert f"usage error: no bench '{name}x' is open" in error
        assert f"did you mean '{name}'?" in error
        assert [bench.name for bench in live_benches()] == [name]
        assert hil("end", name) == 0
        assert capsys.readouterr().out == f"bench {name} is ended\n"
        assert live_benches() == []


def test_what_a_bench_holds_is_listed(runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Keeper.start(new_runtime_dir("desk"), deadline=Deadline.after(10)) as keeper:
        for thing in (endpoint(HostPort("relay.lan", 80), channel=3), device("/dev/null")):
            keeper.lock(Lock(runtime / thing.file_name, what="a test", pid=keeper.pid).acquire(Deadline.after(0)))
        name = keeper.directory.name
        assert hil("ls") == 0
        assert capsys.readouterr().out == f"{name}  /dev/null  relay.lan:80:3\n"
        assert hil("ls", "--json") == 0
        assert json.loads(capsys.readouterr().out)["things"] == {name: ["/dev/null", "relay.lan:80:3"]}


def test_end_needs_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert hil("end") == 2
    assert "Missing argument 'NAME'" in capsys.readouterr().err
