"""The option --delays of hil's own tests: each of their processes is slow here and there, by chance.

A test, or the product, that passes only while things happen in the order in which they mostly happen fails under it
sooner or later. What a delay does is in `support/delayed/sitecustomize.py`.
"""

from __future__ import annotations

import os
import runpy
import select
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "delayed"
VARIABLE = "HIL_TEST_DELAYS"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare --delays."""
    parser.addoption(
        "--delays",
        metavar="SEED[:SCALE]",
        help="put random delays around system calls, in these tests and in what they start; scale 1 (default) is a "
        "busy machine, 3 a dreadful one",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Delay this process, and those that it starts: xdist's workers too."""
    given = config.getoption("delays")
    if given is None or os.environ.get(VARIABLE) == given:
        return
    os.environ[VARIABLE] = given
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH")]))
    # Python imported its own long ago, before there was a reason for this.
    runpy.run_path(str(FOLDER / "sitecustomize.py"))


def pytest_report_header() -> str | None:
    """Say so."""
    return f"delays: {os.environ[VARIABLE]}" if VARIABLE in os.environ else None


def is_delayed() -> bool:
    """Whether calls of this process are."""
    return hasattr(select.select, "__wrapped__")
