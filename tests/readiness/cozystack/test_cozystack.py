"""A CozyStack by what its cluster says, over real HTTP: each thing true, then each false alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_kubernetes import FakeCluster, serving
from support.kubernetes_objects import status

from hil.clock import Deadline
from hil.config.expect.cozystack import CozystackExpect
from hil.readiness.condition import Condition, Truth
from hil.readiness.cozystack.asking import ask, item
from hil.readiness.cozystack.conditions import conditions
from hil.readiness.cozystack.probe import CozystackProbe, CozystackSources
from hil.readiness.kubernetes import kinds
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.kinds import Kind
from hil.readiness.rounds import Missing

Json = Any
PLATFORM = "cozystack.cozystack-platform"
EXPECT = CozystackExpect(releases=3)
WITHIN = 20.0


def made(name: str, *statuses: Json, namespace: str = "", generation: int = 1, **more: Json) -> Json:
    metadata = {"name": name, "generation": generation, **({"namespace": namespace} if namespace else {})}
    return {"metadata": metadata, "status": {"conditions": list(statuses)}, **more}


def release(name: str, *statuses: Json, **more: Json) -> Json:
    return made(name, *(statuses or [status("Ready", "True")]), namespace="cozy-x", **more)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with serving() as served:
        for kind in (kinds.PACKAGE, kinds.PACKAGE_SOURCE):
            served.put(kinds.CRD, made(str(kind), status("Established", "True")))
            served.put(kind, made(PLATFORM, status("Ready", "True")))
        for name in ("a", "b", "c"):
            served.put(kinds.HELM_RELEASE, release(name))
        for name in EXPECT.api_services:
            served.put(kinds.API_SERVICE, made(name, status("Available", "True")))
        yield served


def looked(cluster: FakeCluster, expect: CozystackExpect = EXPECT) -> dict[str, Condition]:
    with closing(KubernetesApi(lambda _: cluster.access())) as api:
        found = conditions(ask(api, expect, Deadline.after(WITHIN)), expect, 3)
    return {one.name.partition(".")[2]: one for one in found}


def failing(found: dict[str, Condition]) -> dict[str, Truth]:
    return {name: one.truth for name, one in found.items() if not one.holds}


def test_all_is_ready(cluster: FakeCluster) -> None:
    found = looked(cluster)
    assert list(found) == ["crds", "sources", "packages", "releases", "api-services"]
    assert failing(found) == {}


WELL = [status("Ready", "True")]
STALE = made(PLATFORM, {**status("Ready", "True"), "observedGeneration": 2}, generation=3)


@pytest.mark.parametrize(
    ("kind", "item", "name", "words"),
    [
        (kinds.CRD, made(str(kinds.PACKAGE)), "crds", "packages.cozystack.io: nothing is said of it yet"),
        (
            kinds.PACKAGE,
            made(PLATFORM, status("Ready", "False", "DependenciesNotReady", "x")),
            "packages",
            f"1 of 1 are not ready: {PLATFORM}: DependenciesNotReady: x",
        ),
        (
            kinds.PACKAGE,
            STALE,
            "packages",
            f"1 of 1 are not ready: {PLATFORM}: was changed and not looked at since (generation 3, seen 2)",
        ),
        (
            kinds.HELM_RELEASE,
            {
                **release("b", generation=5),
                "status": {"observedGeneration": 4, "conditions": [status("Ready", "True")]},
            },
            "releases",
            "1 of 3 are not ready: cozy-x/b: was changed and not looked at since (generation 5, seen 4)",
        ),
        (
            kinds.HELM_RELEASE,
            release("b", status("Ready", "Unknown", "Progressing", "running upgrade")),
            "releases",
            "1 of 3 are not ready: cozy-x/b: Unknown: Progressing: running upgrade",
        ),
        (
            kinds.HELM_RELEASE,
            release("b", status("Ready", "False", "InstallFailed"), spec={"suspend": True}),
            "releases",
            "1 of 3 are not ready: cozy-x/b: is suspended, so nobody mends it; InstallFailed",
        ),
        (
            kinds.API_SERVICE,
            made("v1alpha1.apps.cozystack.io", status("Available", "False", "MissingEndpoints")),
            "api-services",
            "v1alpha1.apps.cozystack.io: MissingEndpoints",
        ),
    ],
)
def test_each_goes_false_alone(cluster: FakeCluster, kind: Kind, item: Json, name: str, words: str) -> None:
    cluster.put(kind, item)
    found = looked(cluster)
    assert failing(found) == {name: Truth.FALSE}
    assert found[name].observed == words


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        (kinds.CRD, "crds", "there is no packages.cozystack.io; there is no packagesources.cozystack.io"),
        (kinds.PACKAGE, "packages", f"there is no {PLATFORM}"),
        (kinds.PACKAGE_SOURCE, "sources", f"there is no {PLATFORM}"),
        (kinds.HELM_RELEASE, "releases", "there are only 0"),
        (
            kinds.API_SERVICE,
            "api-services",
            "there is no v1alpha1.apps.cozystack.io; there is no v1alpha1.core.cozystack.io",
        ),
    ],
)
def test_what_is_not_there(cluster: FakeCluster, kind: Kind, name: str, words: str) -> None:
    cluster.kinds[kind].clear()
    found = looked(cluster)
    assert failing(found) == {name: Truth.FALSE}
    assert found[name].observed == words


def test_a_kind_that_the_cluster_does_not_know_is_false(cluster: FakeCluster) -> None:
    del cluster.kinds[kinds.HELM_RELEASE]
    found = looked(cluster)
    assert failing(found) == {"releases": Truth.FALSE}
    assert found["releases"].observed == "HelmRelease is no kind of this cluster"


def test_causes_are_told_before_what_waits_for_them(cluster: FakeCluster) -> None:
    for name in ("a", "b", "d", "e"):
        cluster.put(kinds.HELM_RELEASE, release(name, status("Ready", "False", "DependencyNotReady", "waits for c")))
    cluster.put(kinds.HELM_RELEASE, release("c", status("Ready", "False", "InstallFailed", "no space")))
    observed = looked(cluster)["releases"].observed
    assert observed.startswith("5 of 5 are not ready: cozy-x/c: InstallFailed: no space; cozy-x/a: Dep")
    assert observed.endswith("; and 2 more")


def test_releases_that_are_suspended_and_ready_are_named(cluster: FakeCluster) -> None:
    cluster.put(kinds.HELM_RELEASE, release("b", spec={"suspend": True}))
    found = looked(cluster)
    assert failing(found) == {}
    assert found["releases"].observed == "all 3 are ready; suspended: cozy-x/b"


def test_version_0_is_told_apart(cluster: FakeCluster) -> None:
    for kind in (kinds.PACKAGE, kinds.PACKAGE_SOURCE):
        del cluster.kinds[kind]
    cluster.kinds[kinds.CRD].clear()
    assert looked(cluster)["packages"].observed == "Package is no kind of this cluster"
    cluster.put(kinds.CONFIG_MAP, made("cozystack", namespace="cozy-system"))
    found = looked(cluster)
    assert failing(found) == dict.fromkeys(("crds", "sources", "packages"), Truth.FALSE)
    assert found["packages"].observed == "this is CozyStack v0: it has a ConfigMap cozystack, and no Packages"
    assert failing(looked(cluster, CozystackExpect(packages=(), releases=3))) == {}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kinds.CRD, "crds"),
        (kinds.PACKAGE, "packages"),
        (kinds.HELM_RELEASE, "releases"),
        (kinds.API_SERVICE, "api-services"),
    ],
)
def test_what_may_not_be_read_is_unknown_alone(cluster: FakeCluster, kind: Kind, name: str) -> None:
    cluster.forbid(kind)
    found = looked(cluster)
    assert failing(found) == {name: Truth.UNKNOWN}
    assert "no permission to list" in found[name].observed


def test_the_probe_asks_in_the_background(cluster: FakeCluster) -> None:
    with (
        closing(KubernetesApi(lambda _: cluster.access())) as api,
        closing(CozystackProbe("n", EXPECT, CozystackSources(lambda expect, by: ask(api, expect, by)))) as probe,
    ):
        deadline = Deadline.after(WITHIN)
        while not all(one.holds for one in probe.look()) and not deadline.expired:
            cluster.stop.wait(0.01)
        probe.ask_now()
        assert all(one.holds for one in probe.look())
        assert (probe.news(), probe.hopeless, probe.simulated) == ([], "", "")


def test_where_there_is_no_cluster_to_ask_the_reason_is_said() -> None:
    with closing(CozystackProbe("n", EXPECT, CozystackSources(Missing("no kubeconfig")))) as probe:
        probe.ask_now()
        probe.begin_again()
        assert {(one.truth, one.observed) for one in probe.look()} == {(Truth.UNKNOWN, "no kubeconfig")}


_READ = ["metadata", "status", "spec", "conditions", "type", "generation", "observedGeneration", "suspend"]
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["True", "Ready"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "status", "spec", "conditions", "type", "generation", "observedGeneration", "suspend"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(found=_ANY)
def test_no_object_is_a_traceback(found: Json) -> None:
    assert isinstance(item(found).why_not(), str)
