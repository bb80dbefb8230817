"""What can be expected of Kubernetes and of a CozyStack, and what cannot."""

from __future__ import annotations

import pytest

from hil.config.expect import overridden
from hil.config.expect.cozystack import CozystackExpect
from hil.config.expect.kubernetes import KubernetesExpect
from hil.errors import UsageError


def test_what_can_be_expected() -> None:
    changes = {"node": "n-1.x", "version": "v1.34.4", "runtime_classes": {"wasmtime-spin-v2": "spin"}, "pods": "all"}
    assert overridden(KubernetesExpect(), changes).runtime_classes == {"wasmtime-spin-v2": "spin"}
    assert overridden(KubernetesExpect(), {"version": "v1.31.4+k3s1"}).version == "v1.31.4+k3s1"
    assert overridden(CozystackExpect(), {"packages": []}).packages == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "1.34"}, "no version of Kubernetes"),
        ({"node": "Node_1"}, "cannot be a name in Kubernetes"),
        ({"node": "a" * 254}, "cannot be a name in Kubernetes"),
        ({"runtime_classes": {"a": "spin.v2"}}, "cannot be a runtime handler"),
        ({"pods": "some"}, "pods"),
        ({"runtimeclass": "a"}, "nothing called 'runtimeclass' can be expected of Kubernetes"),
    ],
)
def test_what_cannot(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        overridden(KubernetesExpect(), changes)


def test_a_count_below_nothing_cannot() -> None:
    with pytest.raises(UsageError, match="what is expected of CozyStack cannot be: releases"):
        overridden(CozystackExpect(), {"releases": -1})
