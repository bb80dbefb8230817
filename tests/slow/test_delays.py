"""The slow tier: the whole fast tier passes on a machine that is busy here and there, by chance."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.session import session

TESTS = Path(__file__).parents[1]
FAST = ("-m", "not boot and not slow", "--numprocesses=auto", "--dist=worksteal", "--hypothesis-profile=quick")
SEEDS = ("1", "2", "3:2")


@pytest.mark.parametrize("seed", SEEDS)
def test_the_fast_tier_passes_with_delays(seed: str, tmp_path: Path) -> None:
    status, printed, cases = session(tmp_path, str(TESTS), *FAST, f"--delays={seed}")
    assert f"delays: {seed}" in printed
    assert status == 0, printed
    assert len(cases) > 4000
    assert all(case.find("skipped") is None for case in cases.values()), printed
