"""--delays reaches a process that a test starts, and no other."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.delays import FOLDER, VARIABLE, is_delayed

SAYS = "import os, select; print(*(hasattr(each, '__wrapped__') for each in (os.read, select.select)))"


@pytest.mark.parametrize(("given", "said"), [({VARIABLE: "1:2"}, "True True\n"), ({}, "False False\n")])
def test_a_process_that_is_started(given: dict[str, str], said: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name != VARIABLE}
    child = [sys.executable, "-c", SAYS]
    environment = {**kept, "PYTHONPATH": str(FOLDER), **given}
    assert subprocess.run(child, env=environment, capture_output=True, text=True, check=True).stdout == said


def test_this_process_is_delayed_where_that_was_asked_for(pytestconfig: pytest.Config) -> None:
    assert is_delayed() is (pytestconfig.getoption("delays") is not None)
