"""What a test or a command line expects of Talos instead of what the rig says."""

from __future__ import annotations

import pytest

from hil.config.expect import TalosExpect, overridden
from hil.errors import UsageError

RIG = TalosExpect(version="v1.13.9", extensions={"hello": "0.1.0"}, services=("hello",))


def test_nothing_changed_is_the_same() -> None:
    assert overridden(RIG, {}) is RIG


def test_a_key_is_changed_and_the_others_hold() -> None:
    changed = overridden(RIG, {"services": ["tailscale"], "stage": "maintenance", "version": None})
    assert changed == TalosExpect(stage="maintenance", extensions={"hello": "0.1.0"}, services=("tailscale",))


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"verison": "v1.13.9"}, "nothing called 'verison' can be expected of Talos", "did you mean 'version'?"),
        ({"version": "1.13"}, "version: '1.13' is no version of Talos", "write it like v1.13.9"),
        ({"stage": "booting"}, "stage: Input should be 'running' or 'maintenance'", "hil rig check"),
        ({"services": "hello"}, "services: Input should be a valid tuple", "hil rig check"),
    ],
)
def test_what_cannot_be(changes: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        overridden(RIG, changes)
    assert message in caught.value.message
    assert hint in caught.value.hint
