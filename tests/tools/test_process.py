"""Running a helper program: its output, its status lines, its end at a deadline and with its owner."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.deadlines import far, passes

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.tools.process import run


def test_output_and_code(tmp_path: Path) -> None:
    done = run(["sh", "-c", "pwd; echo wrong >&2; exit 3"], deadline=Deadline.after(10), cwd=tmp_path)
    assert (done.code, done.output) == (3, f"{tmp_path}\nwrong\n")
    assert done.last_lines() == [str(tmp_path), "wrong"]


def test_status_lines_arrive_even_when_a_child_keeps_the_pipe() -> None:
    seen: list[str] = []
    script = "printf 'one\\ntw' >&$0; printf 'o\\n' >&$0; sleep 60 & exec true"
    done = run(["bash", "-c", script, "{status}"], deadline=Deadline.after(10), on_status=seen.append)
    assert done.code == 0
    assert seen == ["one", "two"]


def test_a_missing_program() -> None:
    with pytest.raises(InfrastructureError, match="the program no-such-program cannot be started") as caught:
        run(["no-such-program"], deadline=Deadline.after(10), hint="install the package x")
    assert caught.value.hint == "install the package x"


def test_at_the_deadline_the_whole_group_ends(tmp_path: Path) -> None:
    pid, deadline = tmp_path / "pid", far(1)
    script = f"sleep 60 & echo $! > '{pid}'; echo up > /proc/self/fd/$0; wait"
    with pytest.raises(InfrastructureError, match=r"sh had not ended after 1 s; it was killed"):
        run(["sh", "-c", script, "{status}"], deadline=deadline, on_status=lambda line: passes(deadline))
    assert ended(int(pid.read_text()))


OWNER = """
import sys
from hil.clock import Deadline
from hil.tools.process import run
run(["sh", "-c", "echo $$ > " + sys.argv[1] + "; echo up >&1; exec sleep 60"], deadline=Deadline.after(60))
"""


def test_ctrl_c_ends_the_program(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(pid)], stderr=subprocess.DEVNULL)
    number = int(pid.read_text())
    owner.send_signal(signal.SIGINT)
    assert owner.wait(10) != 0
    assert ended(number)


def ended(pid: int) -> bool:
    """Whether a process is gone within ten seconds (SIGKILL takes a moment to arrive)."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], 10)[0])
    finally:
        os.close(fd)
