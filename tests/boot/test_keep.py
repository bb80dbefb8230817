"""A bench that is kept: how to reach it, its console from a terminal, and its end, which leaves nothing."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import uuid
from http.client import HTTPConnection
from pathlib import Path

import pytest
from support.leftovers import difference, snapshot
from support.rigs import HIL, PROBE_RIG, run_hil, write_rig

from hil.clock import Deadline

pytestmark = pytest.mark.boot


def until(descriptor: int, wanted: bytes) -> bytes:
    """What a terminal shows, up to the words that are wanted."""
    seen = b""
    deadline = Deadline.after(60)
    while wanted not in seen:
        assert select.select([descriptor], [], [], deadline.remaining())[0], f"only {seen[-500:]!r}"
        seen += os.read(descriptor, 65536)
    return seen


def test_a_bench_is_kept_reached_and_ended(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = uuid.uuid4().hex
    monkeypatch.setenv("HIL_TEST_MARKER", marker)
    # The folder of runtime folders stays.
    (runtime / "hil").mkdir(mode=0o700)
    before = snapshot(marker, [runtime])

    done = run_hil("boot", str(write_rig(tmp_path, PROBE_RIG)), "--keep", cwd=tmp_path)
    assert done.code == 0, done.err
    try:
        said = done.out[done.out.index("kept: ") :]
        told = re.fullmatch(
            r"kept: bench (?P<bench>rig-\w+) goes on\n"
            r"  Matchbox:  http://(?P<matchbox>127\.0\.0\.1:\d+)\n"
            r"  console of node1:  (?P<console>hil console (?P=bench)/node1)   \(Ctrl-\] leaves\)\n"
            r"  port 8080 of node1:  (?P<door>127\.0\.0\.1:\d+)\n"
            r"  end it:  (?P<end>hil bench end (?P=bench))\n",
            said,
        )
        assert told is not None, said
        assert get(told["door"], "/healthz") == "ok\n"
        assert get(told["matchbox"], "/") == "matchbox\n"
        listed = run_hil("console", "--list", cwd=tmp_path)
        assert re.fullmatch(rf"{told['bench']}/node1\ton\t\d+ bytes\n", listed.out)
        assert run_hil("bench", "ls", cwd=tmp_path).out == f"{told['bench']}\n"
        type_in_a_terminal(told["console"].split()[1:])
        # Whoever left changed nothing.
        assert get(told["door"], "/healthz") == "ok\n"
        assert difference(before, within=Deadline.after(0)) != []
    finally:
        benches = run_hil("bench", "ls", cwd=tmp_path).out.split()
        ended = [run_hil("bench", "end", name, cwd=tmp_path) for name in benches if name.startswith("rig-")]
    assert [(end.code, end.err) for end in ended] == [(0, "")]
    assert difference(before, within=Deadline.after(60)) == []
    # What it was told to keep is on the disk still, and what was typed is recorded.
    [recording] = (tmp_path / "hil-artifacts").glob("*/node1-boot1/console.log")
    assert b"answer=42" in recording.read_bytes()


def type_in_a_terminal(arguments: list[str]) -> None:
    """Attach to the probe's shell, have it work out an answer, leave with Ctrl-]."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([*HIL, *arguments], stdin=theirs, stdout=theirs, stderr=theirs) as console:
        os.close(theirs)
        try:
            until(ours, b"hil-probe# ")
            os.write(ours, b"echo answer=$((6 * 7))\r")
            until(ours, b"answer=42")
            os.write(ours, b"\x1d")
            assert console.wait(30) == 0
        finally:
            console.kill()
            os.close(ours)


def get(place: str, path: str) -> str:
    host, _, port = place.partition(":")
    connection = HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
