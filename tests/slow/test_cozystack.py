"""A CozyStack, asked of the real API server: each condition true, then each false alone.

What its operator and Flux write, the tests write by the same API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from support.kubernetes import ApiServer, api_server, until
from support.kubernetes_objects import status

from hil.clock import Deadline
from hil.config.expect.cozystack import CozystackExpect
from hil.readiness.condition import Condition, Truth
from hil.readiness.cozystack.asking import ask
from hil.readiness.cozystack.conditions import conditions
from hil.readiness.kubernetes import kinds
from hil.readiness.kubernetes.api import KubernetesApi

pytestmark = pytest.mark.slow

Json = Any
Found = dict[str, Condition]
Change = Callable[[ApiServer], None]
NAMESPACE = kinds.Kind("", "v1", "Namespace", "namespaces")
PLATFORM = "cozystack.cozystack-platform"
EXPECT = CozystackExpect(releases=2)
APPS, CORE = EXPECT.api_services
WITHIN = 60.0


@pytest.fixture(scope="module")
def cozystack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("cozystack")) as served:
        served.make(NAMESPACE, {"metadata": {"name": "cozy-x"}})
        served.install("package", "packagesource", "helmrelease")
        yield served


def failing(found: Found) -> dict[str, Truth]:
    return {name: one.truth for name, one in found.items() if not one.holds}


def api_service(name: str, *, local: bool) -> Json:
    version, _, group = name.partition(".")
    spec = {"group": group, "version": version, "groupPriorityMinimum": 1000, "versionPriority": 15}
    service = {} if local else {"service": {"name": "none", "namespace": "default"}}
    return {
        "metadata": {"name": name},
        "spec": {**spec, **service, **({} if local else {"insecureSkipTLSVerify": True})},
    }


def of_cluster(name: str, **more: Json) -> Json:
    return {
        "metadata": {"name": name},
        "spec": {},
        "status": {"conditions": [status("Ready", "True", "Ok")]},
        **more,
    }


def release(name: str, *conditions: Json, **more: Json) -> Json:
    said = list(conditions) or [{**status("Ready", "True", "InstallSucceeded"), "observedGeneration": 1}]
    return {
        "metadata": {"name": name, "namespace": "cozy-x"},
        "spec": more.get("spec", {"interval": "5m"}),
        "status": {"observedGeneration": 1, "conditions": said},
    }


@pytest.fixture
def up(cozystack: ApiServer) -> ApiServer:
    """A CozyStack of which all that is expected holds."""
    cozystack.make(kinds.PACKAGE_SOURCE, of_cluster(PLATFORM))
    cozystack.make(kinds.PACKAGE, of_cluster(PLATFORM))
    for name in ("a", "b"):
        cozystack.make(kinds.HELM_RELEASE, release(name))
    for name in EXPECT.api_services:
        cozystack.make(kinds.API_SERVICE, api_service(name, local=True))
    until(lambda: failing(looked(cozystack)) == {}, "the CozyStack is up", within=WITHIN)
    return cozystack


def looked(server: ApiServer) -> Found:
    with closing(KubernetesApi(lambda _: server.access())) as api:
        facts = ask(api, EXPECT, Deadline.after(WITHIN))
    return {one.name.partition(".")[2]: one for one in conditions(facts, EXPECT, 1)}


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (lambda server: server.delete(kinds.PACKAGE_SOURCE, PLATFORM), "sources", f"there is no {PLATFORM}"),
        (
            lambda server: server.patch_status(
                kinds.PACKAGE, PLATFORM, {"conditions": [status("Ready", "False", "ReconcileFailed", "no chart")]}
            ),
            "packages",
            "ReconcileFailed: no chart",
        ),
        (
            lambda server: server.patch(kinds.HELM_RELEASE, "b", {"spec": {"interval": "1m"}}, namespace="cozy-x"),
            "releases",
            "1 of 2 are not ready: cozy-x/b: was changed and not looked at since (generation 2, seen 1)",
        ),
        (
            lambda server: server.make(
                kinds.HELM_RELEASE,
                release("b", status("Ready", "False", "InstallFailed", "no space"), spec={"suspend": True}),
            ),
            "releases",
            "cozy-x/b: is suspended, so nobody mends it; InstallFailed: no space",
        ),
        (lambda server: server.delete(kinds.HELM_RELEASE, "b", namespace="cozy-x"), "releases", "there are only 1"),
        (
            lambda server: server.make(kinds.API_SERVICE, api_service(APPS, local=False)),
            "api-services",
            "v1alpha1.apps.cozystack.io: ServiceNotFound",
        ),
        (
            lambda server: server.delete(kinds.API_SERVICE, CORE),
            "api-services",
            "there is no v1alpha1.core",
        ),
    ],
)
def test_each_of_a_cozystack_goes_false_alone(up: ApiServer, change: Change, name: str, words: str) -> None:
    change(up)
    # The aggregator needs a moment to see a service that is not there.
    until(lambda: failing(looked(up)) != {}, f"{name} goes false", within=WITHIN)
    found = looked(up)
    assert failing(found) == {name: Truth.FALSE}
    assert words in found[name].observed


def test_a_cluster_without_the_crds_of_cozystack(up: ApiServer) -> None:
    for kind in (kinds.PACKAGE, kinds.PACKAGE_SOURCE):
        up.delete(kinds.CRD, str(kind))
    until(lambda: "no kind" in looked(up)["packages"].observed, "Packages are no kind any more", within=WITHIN)
    up.make(NAMESPACE, {"metadata": {"name": "cozy-system"}})
    up.make(
        kinds.CONFIG_MAP, {"metadata": {"name": "cozystack", "namespace": "cozy-system"}, "data": {"bundle-name": "x"}}
    )
    until(lambda: "v0" in looked(up)["sources"].observed, "version 0 is told apart", within=WITHIN)
    assert failing(looked(up)) == dict.fromkeys(("crds", "sources", "packages"), Truth.FALSE)
