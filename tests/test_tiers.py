"""The suite's tiers: a test's folder says its tier, and a run that wants nothing of a tier imports nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The session within, which is one of this process, leaves the profile of Hypothesis as it was."""
    profile = settings.get_current_profile_name()
    yield
    settings.load_profile(profile)


@pytest.mark.parametrize(
    ("wanted", "passed", "imported"),
    [
        ("not boot and not slow", 1, {"quick"}),
        ("not (boot or slow)", 1, {"boot", "quick", "slow"}),
        ("not slow", 2, {"boot", "quick"}),
    ],
)
def test_what_is_not_wanted_is_not_imported(
    pytester: pytest.Pytester, wanted: str, passed: int, imported: set[str]
) -> None:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makeini("[pytest]\nmarkers =\n    boot\n    slow")
    pytester.mkdir("tests")
    for name in ("boot", "quick", "slow"):
        text = f"from pathlib import Path\nPath('{name}').touch()\ndef test_{name}(): pass\n"
        (pytester.mkdir(f"tests/{name}") / f"test_{name}.py").write_text(text)
    pytester.runpytest("-p", "no:cacheprovider", "-m", wanted).assert_outcomes(
        passed=passed, deselected=len(imported) - passed
    )
    assert {name for name in ("boot", "quick", "slow") if Path(name).exists()} == imported
