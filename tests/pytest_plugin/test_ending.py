"""How a session ends that is terminated."""

from __future__ import annotations

import pytest

CONFTEST = """
import os, signal
import pytest
from hil.pytest_plugin.ending import terminating

@pytest.fixture(scope="session")
def opened():
    with terminating():
        yield
    print("closed")

def pytest_keyboard_interrupt():
    os.kill(os.getpid(), signal.SIGTERM)  # the second, while pytest tells of the first
"""

TEST = """
import os, signal

def test_it(opened):
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
"""


def test_a_second_sigterm_does_not_make_it_look_as_if_tests_had_failed(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST)
    result = pytester.runpytest_subprocess("-s", "-p", "no:hypothesispytest", timeout=60)
    assert result.ret is pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*closed*"])
