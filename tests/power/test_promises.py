"""After a bench has ended, however it ended, its power port is as promised: at once, or from the next start on.

Real keepers, clients and leaving programs; the relay is a file that a program writes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.clock import Deadline, hold
from hil.config.rig import load_rig
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.runtime import is_alive, new_runtime_dir, sweep
from hil.locks import Lock
from hil.power.leaving import settled
from hil.power.opening import lock_files
from hil.power.promise import BadPromise, Promise, section_mark

RELAY = """#!/bin/sh
cd "$(dirname "$0")"
[ "$1" = state ] && exec cat relay
[ -e broken ] && exit 9
echo $1 >relay
"""

RIG = """
hil: 1
segment: {{kind: user}}
images:
  probe: {{kind: probe}}
power:
  relay1:
    kind: command
    on: [{folder}/switch, "on"]
    off: [{folder}/switch, "off"]
    state: [{folder}/switch, state]
    off_at_least: 0s
    leave: {leave}
nodes:
  node1: {{kind: board, image: probe, mac: "02:00:5e:10:00:01", power: relay1}}
"""

BREAKS = """#!/bin/sh
shift 3  # -I -m hil.keeper
exec "{python}" -I -c '
import sys
from hil.keeper.__main__ import main
from hil.keeper.server import Server
def breaks(*_):
    raise RuntimeError("out of cheese")
Server._do_listening = breaks
main(sys.argv[1:])
' "$@"
"""

CLIENT = """
import signal, sys
from pathlib import Path
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.keeper.client import Keeper
from hil.keeper.journal import Entry
from hil.locks import Lock
from hil.power.opening import Owner, lock_files, open_ports
from hil.power.promise import KIND
folder, directory, last = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
rig = load_rig(folder / "rig.yaml", cwd=folder)
python, sys.executable = sys.executable, sys.argv[4]
keeper = Keeper.start(directory, deadline=Deadline.after(60))
sys.executable = python
for path in lock_files(rig.power["relay1"], folder):
    keeper.lock(Lock(path, what=directory.name, pid=keeper.pid, shared=True).acquire(Deadline.after(0)))
def at_end(name, data, argv, within):
    keeper.at_end(Entry(KIND, name, data), argv, within=within)
with open_ports(rig, rig.power, Owner(directory, at_end, folder, directory.name)) as ports:
    ports["relay1"].switch(last == "on", deadline=Deadline.after(60))
    print("ready", flush=True)
    sys.stdin.readline()
keeper.end()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of the rig, the relay and the lock files; runtime folders are in a short one of their own."""
    with tempfile.TemporaryDirectory(prefix="hp-", dir="/tmp") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        (tmp_path / "switch").write_text(RELAY)
        (tmp_path / "switch").chmod(0o755)
        (tmp_path / "relay").write_text("off\n")
        yield tmp_path


@contextmanager
def bench(
    folder: Path, *, leave: str = "off", last: str = "on", python: str = sys.executable
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A bench in a process of its own that has switched its port; `python` runs its keeper."""
    (folder / "rig.yaml").write_text(RIG.format(folder=folder, leave=leave))
    directory = new_runtime_dir()
    command = [sys.executable, "-c", CLIENT, str(folder), str(directory), last, python]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        try:
            assert client.stdout is not None
            assert client.stdout.readline() == b"ready\n"
            assert state(folder) == last
            yield client, directory
        finally:
            client.kill()
            ended(directory)


def state(folder: Path) -> str:
    return (folder / "relay").read_text().strip()


def ended(directory: Path) -> None:
    deadline = Deadline.after(60)
    while is_alive(directory):
        assert not deadline.expired, "its keeper lives"
        hold(0.01)


def kill_keeper(directory: Path) -> None:
    with Keeper.connect(directory, deadline=Deadline.after(60)) as keeper:
        os.kill(keeper.pid, signal.SIGKILL)
    ended(directory)


def next_start() -> list[tuple[bool, str]]:
    """What the next bench's start does first."""
    told: list[tuple[bool, str]] = []

    def settle(data: dict[str, object]) -> bool:
        told.append(settled(data))
        return told[-1][0]

    sweep(lambda entry: settle(dict(entry.data)))
    return told


@pytest.mark.boot
@pytest.mark.parametrize(
    ("leave", "last", "left"), [("off", "on", "off"), ("on", "off", "on"), ("as_found", "on", "off")]
)
def test_a_bench_that_ends_in_order_leaves_its_port_as_promised(
    folder: Path, leave: str, last: str, left: str
) -> None:
    with bench(folder, leave=leave, last=last) as (client, directory):
        _, stderr = client.communicate(b"\n", timeout=60)
        assert (client.returncode, stderr) == (0, b"")
    assert state(folder) == left
    assert not directory.exists()


@pytest.mark.boot
def test_a_client_that_is_killed_leaves_that_to_its_keeper(folder: Path) -> None:
    with bench(folder) as (client, directory):
        client.kill()
        ended(directory)
        assert state(folder) == "off"
    assert next_start() == []


@pytest.mark.boot
def test_a_keeper_that_is_terminated_leaves_it_first(folder: Path) -> None:
    with bench(folder) as (_, directory):
        with Keeper.connect(directory, deadline=Deadline.after(60)) as keeper:
            os.kill(keeper.pid, signal.SIGTERM)
        ended(directory)
        assert state(folder) == "off"
    assert next_start() == []


@pytest.mark.boot
def test_a_keeper_that_breaks_leaves_it_first(folder: Path) -> None:
    (folder / "breaks").write_text(BREAKS.format(python=sys.executable))
    (folder / "breaks").chmod(0o755)
    with (
        bench(folder, python=str(folder / "breaks")) as (_, directory),
        Keeper.connect(directory, deadline=Deadline.after(60)) as keeper,
    ):
        with pytest.raises(InfrastructureError, match="has died") as caught:
            keeper.listening("a child")
        ended(directory)
        assert state(folder) == "off"
    assert "RuntimeError: out of cheese" in caught.value.evidence[-1]
    assert next_start() == []


@pytest.mark.boot
def test_a_keeper_that_is_killed_leaves_it_to_the_next_start(folder: Path) -> None:
    with bench(folder) as (_, directory):
        kill_keeper(directory)
        assert state(folder) == "on"
        [(done, words)] = next_start()
    assert (done, state(folder)) == (True, "off"), words
    assert words.endswith("is left off, read back off")
    assert next_start() == []


@pytest.mark.boot
def test_a_port_that_cannot_be_switched_is_said_and_tried_again(folder: Path) -> None:
    with bench(folder) as (client, _):
        (folder / "broken").touch()
        _, stderr = client.communicate(b"\n", timeout=60)
        assert client.returncode != 0
        assert b"not all is as it was to be left: relay1" in stderr
    [(done, words)] = next_start()
    assert not done
    assert "was to be left off by a bench" in words
    (folder / "broken").unlink()
    [(done, _)] = next_start()
    assert (done, state(folder)) == (True, "off")


@pytest.mark.boot
@pytest.mark.parametrize("has_it_still", [True, False])
def test_what_somebody_else_has_or_has_had_since_is_left_alone(folder: Path, has_it_still: bool) -> None:
    with bench(folder) as (_, directory):
        kill_keeper(directory)
    rig = load_rig(folder / "rig.yaml", cwd=folder)
    [path] = lock_files(rig.power["relay1"], folder)
    with Lock(path, what="another bench", shared=True).held(Deadline.after(5)):
        told = next_start() if has_it_still else []
    [(done, words)] = told or next_start()
    assert (done, state(folder)) == (True, "on")
    assert ("another bench" if has_it_still else "somebody else has had it since") in words


@pytest.mark.boot
def test_a_port_that_means_another_by_now_is_not_switched(folder: Path) -> None:
    with bench(folder) as (_, directory):
        kill_keeper(directory)
    text = (folder / "rig.yaml").read_text()
    (folder / "rig.yaml").write_text(text.replace('switch, "off"', 'switch, "off", "2"'))
    [(done, words)] = next_start()
    assert (done, state(folder)) == (False, "on")
    assert "means another port by 'relay1'" in words


def test_how_a_port_is_left_is_no_part_of_which_port_it_is(folder: Path) -> None:
    marks = set()
    for leave in ("on", "off"):
        (folder / "rig.yaml").write_text(RIG.format(folder=folder, leave=leave))
        marks.add(section_mark(load_rig(folder / "rig.yaml", cwd=folder).power["relay1"]))
    assert len(marks) == 1


TEXT = st.text(max_size=8)
PROMISES = st.builds(
    Promise,
    rig=TEXT,
    port=TEXT,
    on=st.booleans(),
    section=TEXT,
    locks=st.lists(TEXT, max_size=2).map(tuple),
    history=TEXT,
    holder=TEXT,
    within=st.floats(0, 7200),
)


@settings(max_examples=unless_quick(30), deadline=None)
@given(PROMISES, st.text(max_size=20))
def test_a_promise_comes_back_from_its_text_and_other_texts_are_none(promise: Promise, text: str) -> None:
    assert Promise.from_text(promise.to_text()) == promise
    with pytest.raises(BadPromise):
        Promise.from_text(text)


def test_a_port_that_cannot_tell_cannot_be_left_as_it_was_found(folder: Path) -> None:
    from hil.power.opening import Owner, open_ports

    text = RIG.format(folder=folder, leave="as_found").replace("    state:", "    # state:")
    (folder / "rig.yaml").write_text(text)
    rig = load_rig(folder / "rig.yaml", cwd=folder)
    owner = Owner(folder, lambda name, data, argv, within: None, folder, "me")
    with pytest.raises(InfrastructureError, match="cannot tell how that is"), open_ports(rig, rig.power, owner):
        pass
