"""Networks of a cluster against the tailnet's."""

from __future__ import annotations

import pytest

from hil.readiness.condition import Truth
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.cidrs import cidrs

V4, V6 = "100.64.0.0/10", "fd7a:115c:a1e0::/48"


@pytest.mark.parametrize(
    ("networks", "observed"),
    [
        ({"pods": ("10.244.0.0/16", "fd00:10::/56"), "services": ("10.96.0.0/12",)}, ""),
        ({"join": ("100.64.0.0/16",)}, f"join 100.64.0.0/16, CozyStack's default joinCIDR, overlaps {V4}"),
        ({"join": ("100.65.0.0/16",)}, f"join 100.65.0.0/16 overlaps {V4}"),
        ({"pods": ("0.0.0.0/0",)}, f"pods 0.0.0.0/0 overlaps {V4}"),
        ({"pods": ("100.127.255.255",)}, f"pods 100.127.255.255/32 overlaps {V4}"),
        ({"pods": ("100.128.0.0/16",)}, ""),
        ({"pods": ("10.244.7.1/16",)}, ""),
        ({"pods": ("10.244.0.0/16", "fd7a:115c:a1e0:1::/64")}, f"pods fd7a:115c:a1e0:1::/64 overlaps {V6}"),
    ],
)
def test_a_clash_is_named(networks: dict[str, tuple[str, ...]], observed: str) -> None:
    found = cidrs(networks, 7)
    assert found.truth is (Truth.FALSE if observed else Truth.TRUE)
    assert found.at_ns == 7
    if observed:
        assert found.observed == observed


@pytest.mark.parametrize(
    ("networks", "why"),
    [
        (Missing("the configuration is not known"), "the configuration is not known"),
        ({}, "no network of the cluster is known"),
        ({"pods": ("10.244/16",)}, "pods: '10.244/16' is not a network"),
    ],
)
def test_what_is_not_known_is_unknown(networks: dict[str, tuple[str, ...]] | Missing, why: str) -> None:
    found = cidrs(networks, 7)
    assert (found.truth, found.observed, found.at_ns) == (Truth.UNKNOWN, why, None)
