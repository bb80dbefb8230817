"""What a rig file, a test or a command line expects of Tailscale."""

from __future__ import annotations

import pytest

from hil.config.expect.overriding import overridden
from hil.config.expect.tailscale import TailscaleExpect
from hil.errors import UsageError


def test_what_is_expected_when_nothing_is_said() -> None:
    expect = TailscaleExpect()
    assert (expect.hostname, expect.path, expect.tags, expect.key_valid_for, expect.healthz) == (
        None,
        "any",
        (),
        0.0,
        9002,
    )


def test_each_key_can_be_changed() -> None:
    changes = {
        "hostname": "gw",
        "path": "relay",
        "tags": ["tag:a"],
        "key_valid_for": "24h",
        "healthz": None,
        "networks": {"join": ("fd00::/64",)},
    }
    changed = overridden(TailscaleExpect(), changes)
    assert changed.model_dump() == {**changes, "tags": ("tag:a",), "key_valid_for": 86400.0}


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"pathh": "relay"}, "nothing called 'pathh' can be expected of Tailscale", "did you mean 'path'?"),
        ({"tags": ["bench"]}, "'bench' is no tag of a tailnet", "write it like tag:bench"),
        ({"tags": ["tag:1a"]}, "'tag:1a' is no tag of a tailnet", "write it like tag:bench"),
        ({"path": "derp"}, "path: Input should be 'any', 'direct' or 'relay'", "hil rig check"),
        ({"healthz": 0}, "healthz: Input should be greater than or equal to 1", "hil rig check"),
        ({"networks": {"join": ("100.64/16",)}}, "'100.64/16' is not a network", "write it like 100.65.0.0/16"),
        ({"key_valid_for": "1"}, "has no unit", ""),
        ({"key_valid_for": -1.0}, "greater than or equal to 0", "hil rig check"),
    ],
)
def test_what_cannot_be(changes: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        overridden(TailscaleExpect(), changes)
    assert message in caught.value.message
    assert hint in caught.value.hint
