"""The program's beginning: Ctrl-C during its imports leaves no traceback, and an ignored one stays ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Stands in for what takes its time to import: says that it has begun, then waits to be interrupted.
SLOW = """
import os, sys, time
os.write(1, b"importing\\n")
time.sleep(30)
def main() -> None: ...
"""
BEGIN = "import sys; sys.path.insert(0, {folder!r}); import hil; hil.__path__.insert(0, {folder!r}); {rest}"
RUN = "from hil.start import main; main()"


@pytest.fixture
def slow(tmp_path: Path) -> list[str]:
    (tmp_path / "cli.py").write_text(SLOW)
    return [sys.executable, "-c", BEGIN.format(folder=str(tmp_path), rest=RUN)]


def heed_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_during_the_imports_leaves_no_traceback(slow: list[str]) -> None:
    with subprocess.Popen(
        slow, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_sigint
    ) as hil:
        assert hil.stdout is not None
        assert hil.stdout.readline() == "importing\n"
        hil.send_signal(signal.SIGINT)
        _, said = hil.communicate(timeout=20)
    assert said == ""
    assert hil.returncode == -signal.SIGINT


def test_it_runs_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-c", RUN, "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hil" in done.stdout or "version" in done.stdout


def test_a_background_job_goes_on_ignoring_ctrl_c() -> None:
    code = (
        "import signal, hil.start, hil.cli as c; c.main = lambda: print(repr(signal.getsignal(2))); hil.start.main()"
    )
    command = ["sh", "-c", f"trap '' INT; exec '{sys.executable}' -c '{code}'"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert "SIG_IGN" in done.stdout
