"""The probe of a node in Kubernetes: asks in the background, forgets what was before, and ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from support import kubernetes_objects as made
from support.fake_kubernetes import FakeCluster, serving

from hil.clock import Deadline
from hil.config.expect.kubernetes import KubernetesExpect
from hil.errors import InfrastructureError
from hil.readiness.condition import Truth
from hil.readiness.kubernetes import kinds
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.asking import ask
from hil.readiness.kubernetes.facts import KubernetesFacts
from hil.readiness.kubernetes.probe import KubernetesProbe, KubernetesSources
from hil.readiness.panel import Panel
from hil.readiness.rounds import Missing

EXPECT = KubernetesExpect(node="tp-1", pods="none")
WITHIN = 20.0


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with serving(FakeCluster()) as cluster:
        cluster.put(kinds.NODE, made.node("tp-1"))
        cluster.knows(kinds.LEASE)
        with closing(KubernetesApi(lambda _: cluster.access())) as asked:
            yield asked


def test_it_finds_the_node_by_the_clusters_name_for_it(api: KubernetesApi) -> None:
    asked = threading.Event()

    def facts(name: str, expect: KubernetesExpect, deadline: Deadline) -> KubernetesFacts:
        found = ask(api, name, expect, deadline)
        asked.set()
        return found

    probe = KubernetesProbe("node1", EXPECT, KubernetesSources(facts))
    with closing(Panel("node1", [probe])) as panel:
        assert asked.wait(WITHIN)
        probe.ask_now()
        deadline = Deadline.after(WITHIN)
        while not (found := panel.look()) and not deadline.expired:
            asked.wait(0.01)
        assert found, found.table()
        assert found["kubernetes.node"].observed == "tp-1 is Ready"
        assert (probe.news(), probe.hopeless, probe.simulated) == ([], "", "")


def test_before_the_first_answer_and_after_a_new_beginning_all_is_unknown() -> None:
    gate = threading.Event()

    def facts(name: str, expect: KubernetesExpect, deadline: Deadline) -> KubernetesFacts:
        gate.wait(deadline.remaining())
        raise InfrastructureError("no door to port 6443", hint="wait")

    with closing(KubernetesProbe("node1", EXPECT, KubernetesSources(facts))) as probe:
        try:
            assert {one.observed for one in probe.look()} == {"no answer yet"}
            probe.begin_again()
            assert {one.truth for one in probe.look()} == {Truth.UNKNOWN}
        finally:
            gate.set()


def test_where_there_is_no_cluster_to_ask_the_reason_is_said() -> None:
    with closing(KubernetesProbe("node1", EXPECT, KubernetesSources(Missing("no kubeconfig")))) as probe:
        probe.ask_now()
        probe.begin_again()
        assert {(one.truth, one.observed) for one in probe.look()} == {(Truth.UNKNOWN, "no kubeconfig")}
