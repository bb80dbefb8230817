"""labgrid's backends, run in another Python: here with a stand-in for the package, in one test with labgrid itself."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.http_devices import answering, says
from support.other_pythons import installed

from hil.clock import Deadline
from hil.config.environment import SecretText
from hil.config.model import SECRET_ERROR
from hil.power import labgrid
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent, PowerState

SOON = 20.0

# The signatures are labgrid's (github.com/labgrid-project/labgrid, labgrid/driver/power/rest.py; PORT as in gude.py),
# what they do is the test's: they write down what they are given.
STAND_IN = """
import json, time
{port}

class Timeout(OSError): ...

def power_set(host, port, index, value):
    print("backends print", flush=True)
    with open({record!r}, "a") as stream:
        stream.write(json.dumps(["set", host, port, index, value]) + "\\n")

def power_get(host, port, index):
    {get}
"""


class Bench:
    """A folder with a stand-in for labgrid, and a Python that finds it."""

    def __init__(self, folder: Path) -> None:
        self.record = folder / "record"
        self._models = folder / "packages" / "labgrid" / "driver" / "power"
        self._models.mkdir(parents=True)
        self.python = folder / "python"
        # -I would keep it from this stand-in, which is not installed; -P keeps hil's own labgrid.py out of its way.
        packages, python = shlex.quote(str(folder / "packages")), shlex.quote(sys.executable)
        self.python.write_text(f'#!/bin/sh\nshift\nPYTHONPATH={packages} exec {python} -P "$@"\n')
        self.python.chmod(0o755)

    def model(self, name: str, get: str, port: str = "") -> None:
        (self._models / f"{name}.py").write_text(STAND_IN.format(record=str(self.record), get=get, port=port))

    def port(self, model: str, at: str = "192.0.2.9", password: str | None = None) -> labgrid.LabgridPort:
        secret = None if password is None else SecretText(password, "PDU")
        return labgrid.create(
            labgrid.Config(kind="labgrid", python=self.python, model=model, at=at, index=3, password=secret)
        )

    @property
    def calls(self) -> list[object]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_backend_is_called_as_labgrid_calls_it(bench: Bench) -> None:
    bench.model("rest", "return False")
    bench.model("gude", "return True", port="PORT = 80")
    for model in ("rest", "gude"):
        bench.port(model).switch(True, deadline=Deadline.after(SOON))
    bench.port("rest").switch(False, deadline=Deadline.after(SOON))
    assert bench.calls == [
        ["set", "192.0.2.9", None, "3", True],
        ["set", "192.0.2.9", 80, "3", True],
        ["set", "192.0.2.9", None, "3", False],
    ]
    assert bench.port("rest").read(deadline=Deadline.after(SOON)) is PowerState.OFF
    assert bench.port("gude").read(deadline=Deadline.after(SOON)) is PowerState.ON


@pytest.mark.parametrize(
    ("get", "expected", "words"),
    [
        ("raise Timeout('slow')", PortSilent, "Timeout: slow"),
        ("raise ConnectionError('no way')", PortAbsent, "ConnectionError: no way"),
        ("raise ValueError('http://admin:' + host.split(':')[2])", PortRefused, "ValueError: http://admin:.password."),
        ("return None", PortGarbled, "neither true nor false"),
        ("import os; os._exit(7)", PortGarbled, "ended with 7 and no answer"),
    ],
)
def test_every_failure_is_of_its_kind(bench: Bench, get: str, expected: type[Exception], words: str) -> None:
    bench.model("rest", get)
    port = bench.port("rest", "http://admin:{password}@192.0.2.9/relay/{index}", "tiger lily")
    with pytest.raises(expected, match=words) as raised:
        port.read(deadline=Deadline.after(SOON))
    for form in ("tiger lily", "tiger%20lily"):
        assert form not in str(raised.value)
        assert form not in repr(port)
    assert "tiger%20lily" in port.host


def test_a_backend_that_never_ends_is_killed(bench: Bench) -> None:
    bench.model("rest", "time.sleep(60)")
    with pytest.raises(PortSilent, match="it was killed"):
        bench.port("rest").read(deadline=Deadline.after(0.3))


def test_a_model_that_there_is_not(bench: Bench) -> None:
    bench.model("shelly_gen1", "return True")
    with pytest.raises(PortRefused, match="no model 'shelly_gen'") as raised:
        bench.port("shelly_gen").read(deadline=Deadline.after(SOON))
    assert raised.value.hint == "did you mean 'shelly_gen1'?"


@pytest.mark.parametrize("python", [Path(sys.executable), Path("/nonexistent/python")])
def test_a_python_without_labgrid_or_none_at_all(bench: Bench, python: Path) -> None:
    bench.python = python
    with pytest.raises(PortAbsent, match="labgrid does not run with") as raised:
        bench.port("rest").read(deadline=Deadline.after(SOON))
    assert "pip install labgrid" in raised.value.hint


def test_a_password_must_not_stand_in_the_file() -> None:
    def faults(at: str, password: SecretText | None) -> list[tuple[str | int, ...]]:
        config = labgrid.Config(kind="labgrid", python=Path("x"), model="rest", at=at, index=0, password=password)
        return [fault.at for fault in config.faults()]

    secret = SecretText("hunter2", "PDU")
    with pytest.raises(ValidationError) as refused:
        faults("http://admin:hunter2@192.0.2.9/", None)
    assert [error["type"] for error in refused.value.errors()] == [SECRET_ERROR]
    assert faults("http://admin:{password}@192.0.2.9/", None) == [("password",)]
    assert faults("http://admin:{password}@192.0.2.9/", secret) == []
    assert faults("192.0.2.9", secret) == [("password",)]
    assert faults("http://192.0.2.9:8080/a/{index}", None) == []


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ("PDU.lan", "pdu.lan:80:3"),
        ("http://192.0.2.9:8080/relay/{index}", "192.0.2.9:8080:3"),
        ("https://192.0.2.9/", "192.0.2.9:443:3"),
    ],
)
def test_what_it_takes_is_its_outlet(bench: Bench, at: str, name: str) -> None:
    assert [thing.name for thing in bench.port("rest", at).config.things()] == [name]


@pytest.mark.parametrize("at", ["http://[::1", "http://192.0.2.9:99999/"])
def test_what_is_no_host_and_no_url(bench: Bench, at: str) -> None:
    with pytest.raises(ValidationError, match="is no host and no URL"):
        bench.port("rest", at)


@given(st.lists(st.text(max_size=40) | st.sampled_from(['{"value": true}', '{"a": 1}', "[]", "[" * 9999]), max_size=2))
def test_any_answer_is_read_or_left(lines: list[str]) -> None:
    assert (labgrid.read_answer(lines) is None) == (lines != ['{"value": true}'])


@pytest.mark.boot
def test_labgrid_itself_drives_a_relay(tmp_path: Path) -> None:
    """labgrid's backend `simplerest` (labgrid/driver/power/simplerest.py): GET with 0 or 1 switches, without asks."""
    python = installed(tmp_path, "labgrid==26.0.1")
    with answering(says(""), says("1"), says("0")) as twin:
        config = labgrid.Config(
            kind="labgrid",
            python=python,
            model="simplerest",
            at=f"http://{twin.at}/relay/{{index}}/{{value}}",
            index=3,
        )
        port = labgrid.create(config)
        port.switch(True, deadline=Deadline.after(SOON))
        assert port.read(deadline=Deadline.after(SOON)) is PowerState.ON
        assert port.read(deadline=Deadline.after(SOON)) is PowerState.OFF
    assert twin.lines == ["GET /relay/3/1", "GET /relay/3", "GET /relay/3"]
    with pytest.raises(PortAbsent, match="ConnectionError"):
        port.read(deadline=Deadline.after(SOON))
    shelly = labgrid.create(config.model_copy(update={"model": "shelly_gen"}))
    with pytest.raises(PortRefused) as raised:
        shelly.read(deadline=Deadline.after(SOON))
    assert "shelly_gen1" in raised.value.hint or "shelly_gen2" in raised.value.hint
