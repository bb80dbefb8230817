"""A profile of few examples is heeded by tests that have a number of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from support.examples import unless_quick


@pytest.fixture(autouse=True)
def _profile() -> Iterator[None]:
    before = settings.get_current_profile_name()
    yield
    settings.load_profile(before)


@pytest.mark.parametrize(("profile", "numbers"), [("quick", [10, 25, 25]), ("default", [10, 60, 150])])
def test_a_quick_profile_is_heeded(profile: str, numbers: list[int]) -> None:
    settings.load_profile(profile)
    assert [unless_quick(count) for count in (10, 60, 150)] == numbers
