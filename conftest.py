"""Tests of hil itself: their tier, which follows from their folder, and the machines that they boot (--machine).

The plugin's fixtures are installed.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support.boards import MACHINES, on_machines

pytest_plugins = ("pytester", "support.delays")

_TIERS = ("boot", "slow")

# `./hilw test --fast` looks at fewer generated examples than `./hilw test`, which has Hypothesis' own number.
# Neither fails for being slow: a time says something of the machine.
# Each has its parent by name: by itself it takes over from the one that is in use, as in a session within a session.
settings.register_profile("default", settings.get_profile("default"), deadline=None)
settings.register_profile("quick", settings.get_profile("default"), max_examples=25)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare --machine."""
    parser.addoption(
        "--machine",
        choices=MACHINES,
        default="guest",
        help="what boots where a test asks for a QEMU guest on its own segment: that (default), "
        "or a board or a Compute Module 4 of the bench twin",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a tier's folder alone where `-m` wants none of it: each worker would import its modules for nothing.

    Plain expressions (`not boot and not slow`) are understood; with another one all is collected, then deselected.
    """
    wanted = str(config.getoption("markexpr"))
    plain = not re.search(r"\bor\b|[()]", wanted)
    for tier in _TIERS:
        if collection_path == Path(config.rootpath, "tests", tier):
            return (plain and f"not {tier}" in wanted.split(" and ")) or None
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test under tests/boot and tests/slow its tier's marker; skip what is not of the asked machines."""
    folders = [(tier, f"{Path(config.rootpath, 'tests', tier)}{os.sep}") for tier in _TIERS]
    for item in items:
        path = str(item.path)
        for tier, folder in folders:
            if path.startswith(folder):
                item.add_marker(tier)
        tier = next((tier for tier in _TIERS if item.get_closest_marker(tier) is not None), "fast")
        item.user_properties.append(("tier", tier))  # as .ci/tiers.py counts them
        only = item.get_closest_marker("guest_only")
        if only is not None and config.getoption("machine") != "guest":
            item.add_marker(pytest.mark.skip(reason=f"of guests only: {only.kwargs['reason']}"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from all that is collected, now and later: it lives as long as the session."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _asked_machine(request: pytest.FixtureRequest) -> Iterator[None]:
    with on_machines(request.config.getoption("machine")):
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more worker than there are CPUs: some tests of the fast tier wait for time to pass."""
    del config
    return len(os.sched_getaffinity(0)) + 1
