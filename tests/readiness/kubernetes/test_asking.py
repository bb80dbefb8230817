"""A round of questions to a cluster, over real HTTP: what is found, and what no answer becomes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from support import kubernetes_objects as made
from support.fake_kubernetes import FakeCluster, base, kubeconfig, serving

from hil.clock import Deadline
from hil.config.expect.kubernetes import KubernetesExpect
from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes import kinds, wire
from hil.readiness.kubernetes.access import KubernetesAccess
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.asking import ask
from hil.readiness.kubernetes.conditions import conditions
from hil.readiness.kubernetes.trouble import CannotAsk, NoSuchKind

EXPECT = KubernetesExpect(version="v1.34.4", runtime_classes={"wasmtime-spin-v2": "spin"})
WITHIN = 20.0


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with serving() as served:
        served.put(kinds.NODE, made.node())
        served.put(kinds.LEASE, made.lease())
        served.put(kinds.RUNTIME_CLASS, made.runtime_class())
        served.put(kinds.POD, made.pod())
        served.knows(kinds.EVENT)
        yield served


def looked(access: KubernetesAccess, expect: KubernetesExpect = EXPECT) -> dict[str, Condition]:
    """What one round finds, by the condition's name."""
    with closing(KubernetesApi(lambda _: access)) as api:
        facts = ask(api, made.NODE, expect, Deadline.after(WITHIN))
    return {one.name: one for one in conditions(facts, made.NODE, expect, 7)}


def failing(found: dict[str, Condition]) -> dict[str, Truth]:
    return {name: one.truth for name, one in found.items() if not one.holds}


def test_all_holds_of_a_node_that_is_well(cluster: FakeCluster) -> None:
    found = looked(cluster.access())
    assert list(found) == [f"kubernetes.{name}" for name in ("node", "version", "arch", "runtime-classes", "pods")]
    assert failing(found) == {}
    assert all(one.at_ns == 7 and one.source == "kubernetes" for one in found.values())


def test_what_is_not_expected_is_not_asked(cluster: FakeCluster) -> None:
    assert list(looked(cluster.access(), KubernetesExpect(pods="none"))) == ["kubernetes.node", "kubernetes.arch"]
    assert not [path for path in cluster.asked if "pods" in path or "runtimeclasses" in path]


def test_a_node_that_is_not_registered_is_told_with_those_that_are(cluster: FakeCluster) -> None:
    cluster.kinds[kinds.NODE] = {("", "other"): made.node("other")}
    found = looked(cluster.access())
    assert failing(found) == {
        "kubernetes.node": Truth.FALSE,
        "kubernetes.version": Truth.UNKNOWN,
        "kubernetes.arch": Truth.UNKNOWN,
    }
    assert found["kubernetes.node"].observed == "no node node1 is registered; the cluster has other"


def test_a_kubelet_that_does_not_renew_its_lease_is_not_ready(cluster: FakeCluster) -> None:
    cluster.put(kinds.LEASE, made.lease(ago=95))
    found = looked(cluster.access())
    assert failing(found) == {"kubernetes.node": Truth.FALSE}
    assert "has not reported for 9" in found["kubernetes.node"].observed


def test_pods_of_another_node_are_not_asked_for(cluster: FakeCluster) -> None:
    other = made.pod("q", "Pending")
    other["spec"]["nodeName"] = "other"
    cluster.put(kinds.POD, other)
    assert failing(looked(cluster.access())) == {}
    everyone = KubernetesExpect(pods="all")
    assert failing(looked(cluster.access(), everyone)) == {"kubernetes.pods": Truth.FALSE}


def test_what_an_event_tells_of_a_pod_is_said(cluster: FakeCluster) -> None:
    why = 'failed to get sandbox runtime: no runtime for "spin" is configured'
    cluster.put(kinds.POD, made.pod("q", "Pending", containers=[made.waiting("ContainerCreating")]))
    for name, seconds, message in (("e1", "10", "old"), ("e2", "50", why), ("e3", "20", "older")):
        cluster.put(
            kinds.EVENT,
            {
                "metadata": {"name": name, "namespace": "default"},
                "involvedObject": {"kind": "Pod", "name": "q"},
                "type": "Warning",
                "lastTimestamp": f"2026-01-01T00:00:{seconds}Z",
                "message": message,
            },
        )
    observed = looked(cluster.access())["kubernetes.pods"].observed
    assert observed == f"1 of 2 do not run: default/q: app: ContainerCreating: {why}"


def test_what_a_crash_logged_is_said(cluster: FakeCluster) -> None:
    last = {"exitCode": 255, "reason": "Error"}
    crash = made.waiting("CrashLoopBackOff", "back-off 20s", restarts=3, last=last)
    cluster.put(kinds.POD, made.pod("q", containers=[crash]))
    cluster.logs[("default", "q", "app")] = "exec /usr/bin/app: exec format error\n\n"
    observed = looked(cluster.access())["kubernetes.pods"].observed
    assert "the image is built for another processor (exec format error)" in observed
    assert "(3 restarts); last: Error, exit code 255: exec /usr/bin/app" in observed


def test_a_permission_that_is_missing_is_named_and_alone_unknown(cluster: FakeCluster) -> None:
    cluster.forbid(kinds.RUNTIME_CLASS)
    found = looked(cluster.access())
    assert failing(found) == {"kubernetes.runtime-classes": Truth.UNKNOWN}
    assert found["kubernetes.runtime-classes"].observed == (
        "no permission to list runtimeclasses.node.k8s.io at the cluster scope (403, as reader)"
    )


def test_events_that_may_not_be_read_leave_the_rest(cluster: FakeCluster) -> None:
    cluster.forbid(kinds.EVENT, where=' in the namespace "default"')
    cluster.put(kinds.POD, made.pod("q", "Pending", containers=[made.waiting("ContainerCreating")]))
    found = looked(cluster.access())
    assert failing(found) == {"kubernetes.pods": Truth.FALSE}
    assert found["kubernetes.pods"].observed.endswith("default/q: app: ContainerCreating")


def test_credentials_of_another_cluster_are_no_word_about_the_node(cluster: FakeCluster) -> None:
    found = looked(cluster.access(token="other"))
    assert set(failing(found).values()) == {Truth.UNKNOWN}
    assert "does not accept these credentials (401)" in found["kubernetes.node"].observed
    assert "other" not in found["kubernetes.node"].observed


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        access = KubernetesAccess("test", kubeconfig(f"http://127.0.0.1:{taken.getsockname()[1]}"))
        found = looked(access)
    assert set(failing(found).values()) == {Truth.UNKNOWN}
    assert "refuses connections" in found["kubernetes.node"].observed


def test_who_sends_bytes_one_by_one_is_not_waited_for() -> None:
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        try:
            peer, _ = listener.accept()
        except OSError:  # nobody came in time
            return
        with peer, suppress(ConnectionError):
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            for _ in range(500):
                if over.wait(0.02):
                    return
                peer.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        try:
            access = KubernetesAccess("test", kubeconfig(f"http://127.0.0.1:{listener.getsockname()[1]}"))
            with closing(KubernetesApi(lambda _: access)) as api, pytest.raises(CannotAsk, match="not answer in time"):
                api.one(kinds.NODE, "n", Deadline.after(0.3))
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, "text/html", b"<html>log in</html>"), "gave no answer of Kubernetes"),
        ((200, "application/json", b"[1, 2]"), "gave no answer of Kubernetes"),
        ((200, "application/json", b'"x"'), "gave no answer of Kubernetes"),
        ((200, "", b""), "gave no answer of Kubernetes"),
        ((503, "", b"no backend"), "answered 503"),
        ((500, "application/json", b'{"message": {"a": 1}}'), "answered 500"),
        ((403, "text/html", b"<html>"), "forbids asking for nodes"),
        ((404, "text/plain", b"404 page not found"), "Node is no kind of this cluster"),
    ],
)
def test_odd_answers_are_no_answers(cluster: FakeCluster, answer: tuple[int, str, bytes], words: str) -> None:
    cluster.raw[base(kinds.NODE)] = answer
    found = looked(cluster.access())
    assert failing(found)["kubernetes.node"] is Truth.UNKNOWN
    assert words in found["kubernetes.node"].observed


def test_an_answer_larger_than_is_sane_is_not_read(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_LARGEST", 1 << 20)
    cluster.raw[base(kinds.NODE)] = (200, "application/json", b" " * (1 << 21))
    found = looked(cluster.access())
    assert found["kubernetes.node"].truth is Truth.UNKNOWN
    assert "more than 1 MiB" in found["kubernetes.node"].observed


def test_lists_come_in_pages(cluster: FakeCluster) -> None:
    for index in range(1200):
        cluster.put(kinds.RUNTIME_CLASS, made.runtime_class(f"c{index}"))
    with closing(KubernetesApi(lambda _: cluster.access())) as api:
        assert len(api.all(kinds.RUNTIME_CLASS, Deadline.after(WITHIN))) == 1201


def test_single_questions_of_a_spin_application(cluster: FakeCluster) -> None:
    deadline = Deadline.after(WITHIN)
    with closing(KubernetesApi(lambda _: cluster.access())) as api:
        assert api.handlers(made.NODE, deadline) == ("", "spin")
        with pytest.raises(CannotAsk, match="no node other"):
            api.handlers("other", deadline)
        assert api.runtime_class("wasmtime-spin-v2", deadline) == "spin"
        assert api.runtime_class("other", deadline) is None
        with pytest.raises(NoSuchKind, match="SpinApp is no kind of this cluster"):
            api.spin_app("default", "hello", deadline)
        cluster.knows(kinds.SPIN_APP)
        assert api.spin_app("default", "hello", deadline) is None
        item = {"metadata": {"namespace": "default", "name": "hello"}, "spec": {"image": "i", "replicas": 2}}
        said = {"readyReplicas": 1, "conditions": [made.status("Available", "True")]}
        cluster.put(kinds.SPIN_APP, {**item, "status": said})
        app = api.spin_app("default", "hello", deadline)
        assert app is not None
        assert (app.image, app.replicas, app.ready_replicas, app.conditions["Available"].status) == ("i", 2, 1, "True")


def test_an_access_that_changes_is_opened_anew(cluster: FakeCluster) -> None:
    with serving() as another:
        another.put(kinds.NODE, made.node("another"))
        both = iter([cluster.access(), another.access(), another.access()])
        with closing(KubernetesApi(lambda _: next(both))) as api:
            assert api.one(kinds.NODE, made.NODE, Deadline.after(WITHIN)) is not None
            assert api.one(kinds.NODE, made.NODE, Deadline.after(WITHIN)) is None
            assert api.one(kinds.NODE, "another", Deadline.after(WITHIN)) is not None
