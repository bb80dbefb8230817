"""Tests of hil itself: which tier a test belongs to follows from its folder. The plugin's fixtures are installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ("pytester",)

_TIERS = ("boot", "slow")

# `./hilw test --fast` looks at fewer generated examples than `./hilw test`, which has Hypothesis' own number.
settings.register_profile("quick", max_examples=25)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test under tests/boot and tests/slow its tier's marker."""
    tests = Path(config.rootpath, "tests")
    for item in items:
        for tier in _TIERS:
            if (tests / tier) in item.path.parents:
                item.add_marker(tier)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more worker than there are CPUs: some tests of the fast tier wait for time to pass."""
    del config
    return len(os.sched_getaffinity(0)) + 1
