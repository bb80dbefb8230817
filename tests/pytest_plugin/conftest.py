"""Inner sessions of pytest on a bench without machines (stub_bench.py)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

# Loaded here, or each inner session in this process would load them anew for its stub.
import hil.config.suggest
import hil.machine
import hil.report.folder
import hil.timeline.draw  # noqa: F401

# Without plugins that each session would load anew: a quarter of a second for Hypothesis' alone.
PLAIN = ("-p", "stub_bench", "-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:pytest11.testinfra")


class Inner:
    """One inner project.

    Args:
        pytester: where it is.
        monkeypatch: for its environment.
    """

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.setenv = monkeypatch.setenv
        self._events = pytester.path / "events.txt"
        monkeypatch.setenv("STUB_EVENTS", str(self._events))
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        shutil.copy(Path(__file__).with_name("stub_bench.py"), pytester.path)
        pytester.syspathinsert()
        # For processes: workers of xdist, and `start`.
        monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=os.pathsep)

    def run(self, *arguments: str) -> pytest.RunResult:
        """A session in this process."""
        return self.pytester.runpytest_inprocess(*PLAIN, "--junitxml=out.xml", *arguments)

    def run_workers(self, *arguments: str) -> pytest.RunResult:
        """A session of xdist, whose workers take over the module path that this process was started with."""
        return self.pytester.runpytest_subprocess(*PLAIN, "--junitxml=out.xml", *arguments)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A session in a process of its own, for signals; its end is the caller's business."""
        command = [sys.executable, "-m", "pytest", *PLAIN, *arguments]
        return subprocess.Popen(
            command, cwd=self.pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def events(self) -> list[str]:
        """What happened to the bench."""
        return self._events.read_text().splitlines() if self._events.exists() else []

    def cases(self) -> list[ElementTree.Element]:
        """The test cases of the JUnit file."""
        return list(ElementTree.parse(self.pytester.path / "out.xml").iter("testcase"))


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Inner:
    # In CI pytest cuts no line of its summary, which then says everything twice (_pytest.compat.running_on_ci).
    for variable in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(variable, raising=False)
    return Inner(pytester, monkeypatch)
