"""pdudaemon's HTTP listener: the requests of its README."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.http_devices import answering, says
from support.other_pythons import installed

from hil.clock import Deadline, hold
from hil.power import pdudaemon
from hil.power.port import PortAbsent, PortRefused, PowerState

SOON = 5.0
STARTED = 20.0

# pdudaemon's README (github.com/pdudaemon/pdudaemon), "Making a power control request":
#   curl "http://localhost:16421/power/control/on?hostname=192.168.10.2&port=1", and off; 200 accepted, 503 not.
# The words are those of release 1.1.1 (pdudaemon/httplistener.py), which says no with 500.
YES = says("OK - accepted request\n")


def port(at: str) -> pdudaemon.PdudaemonPort:
    return pdudaemon.create(pdudaemon.Config(kind="pdudaemon", at=at, hostname="192.168.10.2", port=1))


def test_switching_as_the_readme_has_it() -> None:
    with answering(YES) as twin:
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
        port(twin.at).switch(False, deadline=Deadline.after(SOON))
        assert port(twin.at).read(deadline=Deadline.after(SOON)) is PowerState.UNKNOWN
    assert not port(twin.at).reads_back
    assert twin.lines == [f"GET /power/control/{word}?hostname=192.168.10.2&port=1" for word in ("on", "off")]


@pytest.mark.parametrize("status", ["503 Service Unavailable", "500 Internal Server Error"])
def test_a_no(status: str) -> None:
    with (
        answering(says("Invalid request\n", status)) as twin,
        pytest.raises(PortRefused, match="Invalid request") as no,
    ):
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
    assert "`pdus`" in no.value.hint


def test_what_it_takes_is_the_units_port_behind_that_daemon() -> None:
    config = pdudaemon.Config(kind="pdudaemon", at="bench.lan", hostname="pdu01", port=4)
    assert [thing.name for thing in config.things()] == ["bench.lan:16421:pdu01:4"]


@pytest.mark.boot
def test_a_real_pdudaemon(tmp_path: Path) -> None:
    """Its driver `localcmdline` runs a command, which writes down what it is told (its README, "Config file")."""
    python = installed(tmp_path, "pdudaemon==1.1.1", without="systemd-python")
    done = tmp_path / "done"
    with socket.create_server(("127.0.0.1", 0)) as free:
        at = f"127.0.0.1:{free.getsockname()[1]}"
    with pdudaemon_at(at, done, python):
        switched = port_of(at, "test", 3)
        switched.switch(True, deadline=Deadline.after(SOON))
        assert done.read_text() == "3 on\n"
        switched.switch(False, deadline=Deadline.after(SOON))
        assert done.read_text() == "3 on\n3 off\n"
        with pytest.raises(PortRefused, match=r"500 to /power/control/on \(Invalid request"):
            port_of(at, "another", 3).switch(True, deadline=Deadline.after(SOON))


def port_of(at: str, unit: str, number: int) -> pdudaemon.PdudaemonPort:
    return pdudaemon.create(pdudaemon.Config(kind="pdudaemon", at=at, hostname=unit, port=number))


@contextmanager
def pdudaemon_at(at: str, done: Path, python: Path) -> Iterator[None]:
    host, port = at.split(":")
    to = shlex.quote(str(done))
    unit = {"driver": "localcmdline", "cmd_on": f"echo '%s on' >> {to}", "cmd_off": f"echo '%s off' >> {to}"}
    settings = {"daemon": {"hostname": host, "port": int(port), "listener": "http"}, "pdus": {"test": unit}}
    file = done.with_suffix(".conf")
    file.write_text(json.dumps(settings))
    argv = [str(python.with_name("pdudaemon")), f"--conf={file}"]
    with done.with_suffix(".log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as daemon:
        try:
            until = Deadline.after(STARTED)
            while not listens(at):
                if daemon.poll() is not None or until.expired:
                    pytest.fail(done.with_suffix(".log").read_text())
            yield
        finally:
            daemon.terminate()


def listens(at: str) -> bool:
    try:
        port_of(at, "nobody", 1).switch(False, deadline=Deadline.after(SOON))
    except PortAbsent:
        hold(0.1)
        return False
    except PortRefused:
        return True
    return True
