"""`hil rig find`, as a person and as a program meet it; what it finds with is tested in tests/finding."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.cli.rig import command
from hil.errors import InfrastructureError, UsageError
from hil.finding import host_lines, search
from hil.finding.cycle import Pace
from hil.finding.evidence import Heard, Hearing
from hil.finding.matching import Findings, Pair
from hil.finding.search import Voice, Wanted

RIG = """
hil: 1
name: bench
images: {probe: {kind: probe}}
power: {first: {kind: lcus, device: /dev/ttyUSB0, channel: 1}}
nodes:
  node1:
    {kind: board, image: probe, mac: "02:00:5e:10:00:01", power: first, console: {device: /dev/ttyUSB1, baud: 9600}}
"""
ONE = ["--power", "lcus:/dev/ttyUSB0:1"]


@dataclass
class Bench:
    """Stands in for `find`: the first relay powers the first line, and a second is not found."""

    wanted: Wanted | None = None
    pace: Pace | None = None
    agreed: list[bool] = field(default_factory=list)
    finds: bool = True

    def find(self, wanted: Wanted, voice: Voice, pace: Pace) -> Findings:
        self.wanted, self.pace = wanted, pace
        voice.tell("listening")
        self.agreed = [voice.ask(f"{relay}: switch it?") for relay in wanted.relays]
        line = (*wanted.lines, *wanted.others)[0].name
        pair = Pair(next(iter(wanted.relays)), line, Hearing(Heard.REBOOTED, "U-Boot 2024.01", 0.41), None)
        return Findings((pair,) if self.finds else (), ("relay2: nobody",))

    @property
    def heard(self) -> tuple[list[str], list[str]]:
        """The lines that a person named, and the others."""
        assert self.wanted is not None
        return [line.name for line in self.wanted.lines], [line.name for line in self.wanted.others]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench()
    monkeypatch.setattr(search, "find", bench.find)
    monkeypatch.setattr(
        host_lines, "host_lines", lambda besides: [name for name in _usb(7, 1, 0) if name not in set(besides)]
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench.yaml").write_text(RIG)
    return bench


def _usb(*numbers: int) -> list[str]:
    return [f"/dev/ttyUSB{number}" for number in numbers]


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(command, ["find", *arguments], input=typed)


def test_the_relays_of_the_command_line_against_every_line_of_this_host_that_is_no_relay_board(bench: Bench) -> None:
    result = run(*ONE, "--within", "7", typed="y\n")
    assert result.exit_code == 0, result.output
    assert bench.heard == ([], _usb(7, 1))
    assert bench.agreed == [True]
    assert bench.pace == Pace(within=7)
    assert "power: relay1" in result.stdout
    assert "device: /dev/ttyUSB7" in result.stdout
    assert "hil: 1" in result.stdout
    assert result.stderr.splitlines()[0] == "listening"


def test_lines_that_are_named_are_the_only_ones_and_no_is_the_answer_of_who_says_nothing(bench: Bench) -> None:
    result = run(*ONE, "--console", "/dev/ttyUSB5@9600", "--console", "rack:2217", typed="\n")
    assert result.exit_code == 0
    assert bench.heard == (["/dev/ttyUSB5", "rack:2217"], [])
    assert bench.agreed == [False]


def test_a_rig_brings_its_ports_and_its_consoles_and_gets_lines_for_itself(bench: Bench, tmp_path: Path) -> None:
    result = run("bench.yaml", "--yes", "--out", "found.yaml")
    assert result.exit_code == 0, result.output
    assert bench.wanted is not None
    assert list(bench.wanted.relays) == ["first"]
    assert bench.heard == (_usb(1), _usb(7))
    assert bench.wanted.lines[0].config.baud == 9600
    assert bench.agreed == [True]
    assert result.stdout == ""
    written = (tmp_path / "found.yaml").read_text()
    assert "  node1:\n    power: first" in written
    assert "hil: 1" not in written
    assert "wrote found.yaml" in result.stderr


def test_for_a_program(bench: Bench) -> None:
    document = json.loads(run(*ONE, "--yes", "--json").stdout)
    assert document["schema"] == "hil.rig-find/1"
    assert document["found"] == [
        {"power": "relay1", "console": "/dev/ttyUSB7", "mac": None, "words": "U-Boot 2024.01", "seconds": 0.41}
    ]
    assert document["not_found"] == ["relay2: nobody"]
    assert "nodes:" in document["rig"]


def test_nothing_found_is_the_bench_s_fault_with_the_reasons(bench: Bench, tmp_path: Path) -> None:
    bench.finds = False
    result = run(*ONE, "--yes", "--out", "found.yaml", "--json")
    assert json.loads(result.stdout)["found"] == []
    error = result.exception
    assert isinstance(error, InfrastructureError)
    assert error.evidence == ("relay2: nobody",)
    assert not (tmp_path / "found.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "it needs relays to try"),
        (["bench.yaml", *ONE], "it needs relays to try"),
        (["virt"], "virt has no power ports"),
        (["board-twin"], "board-twin names devices of the bench twin"),
        ([*ONE, "--yes", "--out", "no/such/file"], "there is no folder no/such"),
        ([*ONE, "--yes", "--out", "/dev/full"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_says_why(bench: Bench, arguments: list[str], why: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, UsageError)
    assert why in error.message
