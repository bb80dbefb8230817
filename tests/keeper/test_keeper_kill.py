"""Fifty times: kill -9 of the client or of the keeper at a random moment while a guest talks.

The recording is then a parsable prefix of what was sent, and lacks at most the last 100 ms before the kill: each line
that the guest sends carries the moment at which it was sent.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.leftovers import difference, snapshot
from support.stalls import counting

from hil.clock import Deadline, now_ns
from hil.console.recording import read_cast, read_recording
from hil.keeper.link import Link
from hil.keeper.runtime import is_alive

pytestmark = pytest.mark.boot

CLIENT = """
import select, signal, sys
from pathlib import Path
from hil.clock import Deadline
from hil.console.spec import UnixPort
from hil.keeper.client import Keeper
directory = Path(sys.argv[1])
guest = '''
import os, socket, sys, time
line, _ = socket.socket(fileno=int(sys.argv[1])).accept()
truth = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
number = 0
while True:
    text = b"%d %d" % (number, time.monotonic_ns()) + bytes([10])
    line.sendall(text)
    os.write(1, text)
    os.write(truth, text)
    number += 1
    time.sleep(0.001)
'''
keeper = Keeper.start(directory, deadline=Deadline.after(60))
keeper.listen("serial", directory / "serial")
argv = [sys.executable, "-I", "-S", "-c", guest, "{fd:serial}", sys.argv[4]]
keeper.spawn("guest", argv, fds=["serial"], record=Path(sys.argv[2]))
keeper.open_console("console:a", UnixPort(str(directory / "serial")), Path(sys.argv[3]))
select.select([keeper.attach("console:a")], [], [], 60)
print("ready", flush=True)
signal.pause()
"""

ALLOWED_NS = 100_000_000
GONE = 20.0


def one_kill(victim: str, pause: float, folder: Path) -> list[str]:
    """Kill once; what was wrong with the recordings afterwards."""
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as name:
        directory = Path(name, "d")
        directory.mkdir()
        bases = [folder / "guest", folder / "console"]
        command = [sys.executable, "-c", CLIENT, str(directory), *map(str, bases), str(folder / "truth")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
            try:
                assert client.stdout is not None
                assert client.stdout.readline() == b"ready\n"
                link = Link.connect(directory, Deadline.after(10))
                pid = link.peer_pid()
                link.close()
                with counting() as stalls:
                    threading.Event().wait(pause)
                    # A host that stood still has let nobody record what was sent just before.
                    killed_at = now_ns() - stalls.stood_ns()
                os.kill(client.pid if victim == "client" else pid, signal.SIGKILL)
                deadline = Deadline.after(GONE)
                while is_alive(directory) and not deadline.expired:
                    threading.Event().wait(0.01)
                alive = is_alive(directory)
            finally:
                client.kill()
        return [
            f"{victim} after {pause:.3f} s: {problem}" for base in bases for problem in problems(base, killed_at)
        ] + (["the keeper lives"] if alive else [])


def problems(base: Path, killed_at: int) -> list[str]:
    """What is wrong with one recording."""
    found = []
    log = base.with_name(base.name + ".log").read_bytes()
    chunks = read_recording(base)
    data = b"".join(chunk.data for chunk in chunks)
    if not log.startswith(data):
        found.append("the index does not fit the log")
    whole = log.split(b"\n")[:-1]
    sent = base.with_name("truth").read_bytes().split(b"\n")[:-1]
    # The guest notes a line after it has sent it: the log may be one ahead.
    if whole[: len(sent)] != sent[: len(whole)] or len(whole) > len(sent) + 1:
        found.append("the log is no prefix of what was sent")
    missing = [int(line.split()[1]) for line in sent[len(whole) :]]
    if missing and missing[0] < killed_at - ALLOWED_NS:
        found.append(f"short by {(killed_at - missing[0]) / 1e6:.0f} ms")
    shown = "".join(event.text for event in read_cast(base.with_name(base.name + ".cast")) if event.code == "o")
    if not log.startswith(shown.encode()) or len(shown) < len(log) - 65536:
        found.append("the cast is no prefix of what was sent")
    return found


def test_fifty_kills_at_random_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_TEST_MARKER", str(tmp_path))
    # What is killed has no coverage to tell, and would leave halves of data files.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    before = snapshot(str(tmp_path))
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    folders = [tmp_path / str(number) for number in range(50)]
    for folder in folders:
        folder.mkdir()
    pauses = [dice.uniform(0, 0.2) for _ in folders]
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(one_kill, ["client", "keeper"] * 25, pauses, folders)
        found = [problem for result in results for problem in result]
    assert found == [], f"seed {seed}"
    assert difference(before, within=Deadline.after(GONE)) == []
