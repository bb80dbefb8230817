"""The networks that a machine configuration names, whatever its text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.asking.surroundings import cluster_networks

CONFIG = """\
version: v1alpha1
cluster:
  network:
    podSubnets: [10.244.0.0/16, "fd00:1::/108"]
    serviceSubnets:
      - 10.96.0.0/12
---
apiVersion: v1alpha1
kind: HostnameConfig
hostname: n1
"""


def test_those_of_the_pods_and_of_the_services() -> None:
    assert cluster_networks(CONFIG) == {"pods": ("10.244.0.0/16", "fd00:1::/108"), "services": ("10.96.0.0/12",)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("a: [", None),
        ("2001-13-41", None),
        ("cluster: {network: {}}", None),
        ("cluster: {network: {podSubnets: 10.244.0.0/16}}", None),
        ("cluster: {network: {podSubnets: [10.0.0.0/8, 7, null]}}", {"pods": ("10.0.0.0/8",)}),
        ("kind: HostnameConfig\n---\ncluster: {network: {podSubnets: [10.0.0.0/8]}}", {"pods": ("10.0.0.0/8",)}),
        ("[" * 700, None),
        ("cluster: &a {network: *a}", None),
    ],
)
def test_what_names_none(text: str, found: object) -> None:
    assert cluster_networks(text) == found


keys = st.sampled_from(["cluster", "network", "podSubnets", "serviceSubnets", "a"])
documents = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=unless_quick(60))
@given(st.text() | documents.map(json.dumps) | st.lists(documents.map(json.dumps)).map("\n---\n".join))
def test_no_text_raises(text: str) -> None:
    found = cluster_networks(text)
    assert found is None or {"pods", "services"} >= set(found)
    assert all(isinstance(network, str) for networks in (found or {}).values() for network in networks)
