"""The look around finds each kind of thing that a careless test leaves, and nothing when it was tidied up."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import leftovers
from support.leftovers import difference, snapshot

from hil.clock import Deadline

CLEAN_UP = [True, False]


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="left-", dir="/tmp") as folder:  # short: a unix socket is in it
        yield Path(folder)


def found_kinds(lines: list[str]) -> set[str]:
    return {" ".join(line.split()[:2]) for line in lines}


@pytest.mark.parametrize("clean_up", CLEAN_UP)
def test_files_sockets_locks_and_processes(root: Path, clean_up: bool) -> None:
    before = snapshot(roots=[root])
    careless = ExitStack()
    listener = careless.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(str(root / "s"))
    listener.listen()
    careless.enter_context(socket.create_server(("127.0.0.1", 0)))
    locked = careless.enter_context((root / "l").open("w"))
    fcntl.flock(locked, fcntl.LOCK_EX)
    child = careless.enter_context(subprocess.Popen(["sleep", "100"]))
    careless.callback(child.kill)
    if clean_up:
        careless.close()
        (root / "s").unlink()
        (root / "l").unlink()
    found = difference(before, within=Deadline.after(20 if clean_up else 0))
    careless.close()
    wanted = {"+ process", "+ TCP", "+ listening", "+ locked", "+ file"}
    assert found_kinds(found) == (set() if clean_up else wanted), found


@pytest.mark.parametrize("clean_up", CLEAN_UP)
def test_an_orphan_in_a_namespace_that_carries_the_marker(clean_up: bool) -> None:
    if subprocess.run(["unshare", "--user", "--net", "true"], capture_output=True).returncode:
        pytest.skip("user namespaces are not allowed on this host")
    marker = uuid.uuid4().hex
    before = snapshot(marker)
    made = subprocess.run(
        "setsid unshare --user --net sleep 100 > /dev/null 2>&1 & echo $!",
        shell=True,
        env={**os.environ, "MARKER": marker},
        stdout=subprocess.PIPE,
        check=True,
    )
    orphan = int(made.stdout)
    if clean_up:
        os.kill(orphan, 9)
        assert difference(before, within=Deadline.after(20)) == []
        return
    with subprocess.Popen(["true"]):  # gives unshare the time of a fork at least
        pass
    seen: set[str] = set()
    deadline = Deadline.after(20)
    while seen != {"+ process", "+ namespace"} and not deadline.expired:
        seen = found_kinds(difference(before, within=Deadline.after(0)))
    os.kill(orphan, 9)
    assert seen == {"+ process", "+ namespace"}
    assert difference(before, within=Deadline.after(20)) == []


def test_what_is_missing_is_shown_too(root: Path) -> None:
    (root / "f").touch()
    before = snapshot(roots=[root])
    (root / "f").unlink()
    assert difference(before, within=Deadline.after(0)) == [f"- file {root / 'f'}"]


def test_what_the_hosts_services_mount_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    read, more = leftovers._read, b""

    def look(path: Path) -> bytes:
        return read(path) + (more if path == Path("/proc/self/mountinfo") else b"")

    monkeypatch.setattr(leftovers, "_read", look)
    before = snapshot()
    more = b"900 30 0:55 / /run/credentials/systemd-tmpfiles-clean.service ro,nosuid - ramfs none rw,mode=700\n"
    assert difference(before, within=Deadline.after(0)) == []
    more = b"901 30 0:56 / /run/ours rw - tmpfs none rw\n"
    assert found_kinds(difference(before, within=Deadline.after(0))) == {"+ mount"}
