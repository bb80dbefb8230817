"""Spin on a node, asked in the background: Talos, a small API server and a web server on real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from support import kubernetes_objects as made
from support.fake_kubernetes import FakeCluster, serving
from support.fake_tailscaled import Answers, on_tcp

from hil.clock import Deadline, hold, now_ns
from hil.config.expect.spin import ServesExpect, SpinExpect
from hil.errors import MissingPart, UsageError
from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes import kinds
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.panel import Panel
from hil.readiness.rounds import Missing
from hil.readiness.spin import probe as probe_module
from hil.readiness.spin.probe import FIRST_ANSWER, Pace, SpinProbe
from hil.readiness.spin.sources import SpinSources

WITHIN = 20.0
PACE = Pace(http_every=0.02, facts_every=0.02, within=5.0)
SERVES = ServesExpect(path="/hello", body="hello")
ALL = SpinExpect(runtime_class="wasmtime-spin-v2", app="default/hello", serves=SERVES)
ALONE = SpinExpect(extension=None, handler=None, serves=SERVES)


def spin_app(ready: int = 1, wanted: int = 1) -> made.Json:
    return {
        "apiVersion": "core.spinkube.dev/v1alpha1",
        "kind": "SpinApp",
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"image": "registry/hello", "replicas": wanted, "executor": "containerd-shim-spin"},
        "status": {"readyReplicas": ready, "conditions": [made.status("Available", "True", "MinimumReplicas")]},
    }


class Bench:
    """A node, its cluster and its application, as they are when all is well."""

    def __init__(self, cluster: FakeCluster, api: KubernetesApi, answers: Answers, place: tuple[str, int]) -> None:
        self.cluster, self.answers = cluster, answers
        self.started: int | None = now_ns()
        self.sources = SpinSources(
            extension=lambda name, version, since: Condition(
                f"talos.extension.{name}", Truth.TRUE, version, "0.1.0", "api", now_ns()
            ),
            started=lambda: self.started,
            read=Missing("Talos is not asked"),
            cluster=api,
            reach=lambda port, deadline: place,
        )


@pytest.fixture
def bench() -> Iterator[Bench]:
    answers = Answers({"/hello": (200, b"hello from wasm\n"), "/other": (200, b"other\n")})
    with serving(FakeCluster()) as cluster, on_tcp(answers) as place:
        cluster.put(kinds.NODE, made.node("node1"))
        cluster.put(kinds.RUNTIME_CLASS, made.runtime_class())
        cluster.put(kinds.SPIN_APP, spin_app())
        with closing(KubernetesApi(lambda _: cluster.access())) as api:
            yield Bench(cluster, api, answers, place)


def until(probe: SpinProbe, fits: Callable[[dict[str, Condition]], bool], expect: SpinExpect) -> dict[str, Condition]:
    """Look until what is found fits."""
    deadline = Deadline.after(WITHIN)
    while True:
        found = {one.name: one for one in probe.look_for(expect)}
        if fits(found):
            return found
        assert not deadline.expired, found
        hold(0.01)


def ready(found: dict[str, Condition]) -> bool:
    return all(one.holds for one in found.values())


def test_all_five_levels(bench: Bench) -> None:
    with closing(SpinProbe("node1", ALL, bench.sources, PACE)) as probe:
        found = until(probe, ready, ALL)
        assert list(found) == ["spin.extension", "spin.handler", "spin.runtime-class", "spin.app", "spin.http"]
        assert found["spin.http"].observed.startswith("200; ")
        assert Panel("node1", [probe]).look()
        assert (probe.hopeless, probe.broken, probe.simulated, probe.asked) == ("", "", "", True)


@pytest.mark.parametrize(
    ("spoil", "level", "words"),
    [
        (
            lambda bench: bench.cluster.put(kinds.RUNTIME_CLASS, made.runtime_class(handler="spin-v2")),
            "spin.runtime-class",
            "RuntimeClass wasmtime-spin-v2 has handler spin-v2, the node's containerd has spin",
        ),
        (
            lambda bench: bench.cluster.kinds[kinds.RUNTIME_CLASS].clear(),
            "spin.runtime-class",
            "there is no RuntimeClass wasmtime-spin-v2",
        ),
        (
            lambda bench: bench.cluster.put(kinds.SPIN_APP, spin_app(0, 2)),
            "spin.app",
            "0 of 2 replicas ready; it does not say why",
        ),
        (
            lambda bench: bench.cluster.kinds[kinds.SPIN_APP].clear(),
            "spin.app",
            "there is no SpinApp default/hello",
        ),
        (
            lambda bench: bench.cluster.kinds.pop(kinds.SPIN_APP),
            "spin.app",
            "SpinApp is no kind of this cluster: it has no spinapps.core.spinkube.dev",
        ),
        (lambda bench: bench.answers.bodies.clear(), "spin.http", "404: not found"),
    ],
)
def test_each_level_goes_false_alone(bench: Bench, spoil: Callable[[Bench], object], level: str, words: str) -> None:
    with closing(SpinProbe("node1", ALL, bench.sources, PACE)) as probe:
        until(probe, ready, ALL)
        spoil(bench)
        found = until(probe, lambda found: not ready(found), ALL)
        assert {one.name for one in found.values() if not one.holds} == {level}
        assert (found[level].truth, found[level].observed) == (Truth.FALSE, words)


def test_a_cluster_that_forbids_leaves_its_levels_unknown_and_the_node_tells_its_handlers(bench: Bench) -> None:
    for kind in (kinds.NODE, kinds.RUNTIME_CLASS, kinds.SPIN_APP):
        bench.cluster.raw[f"{_base(kind)}"] = (403, "application/json", b"{}")
    sources = replace(bench.sources, read=lambda path, deadline: _PART)
    with closing(SpinProbe("node1", ALL, sources, PACE)) as probe:
        found = until(probe, lambda found: found["spin.handler"].holds and found["spin.http"].holds, ALL)
        assert found["spin.handler"].source == "api"
        assert (found["spin.app"].truth, found["spin.runtime-class"].truth) == (Truth.UNKNOWN, Truth.UNKNOWN)
        assert "forbids" in found["spin.app"].observed


def test_another_path_than_the_expected_one_is_asked_from_the_first_look(bench: Bench) -> None:
    with closing(SpinProbe("node1", ALONE, bench.sources, PACE)) as probe:
        other = ALONE.model_copy(update={"serves": ServesExpect(path="/other")})
        bench.answers.silent.add("/other")
        (first,) = probe.look_for(other)
        assert (first.truth, first.observed) == (Truth.UNKNOWN, "no answer yet")
        bench.answers.silent.clear()
        bench.answers.over.set()
        assert until(probe, ready, other)["spin.http"].expected == "200 at :3000/other"
        for number in range(12):
            gone = ALONE.model_copy(update={"serves": ServesExpect(path=f"/{number}")})
            until(probe, lambda found: found["spin.http"].truth is Truth.FALSE, gone)
        assert until(probe, ready, ALONE)["spin.http"].expected == "200 at :3000/hello with 'hello'"
        asking = [thread for thread in threading.enumerate() if thread.name == "spin:node1"]
        assert len(asking) == 8, "what nobody looked at for longest is asked no more"


def test_the_node_may_have_another_name_in_its_cluster(bench: Bench) -> None:
    bench.cluster.put(kinds.NODE, made.node("tp-1"))
    del bench.cluster.kinds[kinds.NODE]["", "node1"]
    with closing(SpinProbe("node1", ALL, replace(bench.sources, node="tp-1"), PACE)) as probe:
        until(probe, ready, ALL)


def test_an_old_answer_is_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "_STALE", 0.05)
    with closing(SpinProbe("node1", ALONE, bench.sources, PACE)) as probe:
        until(probe, lambda found: found["spin.http"].holds, ALONE)
        bench.answers.silent.add("/hello")
        found = until(probe, lambda found: found["spin.http"].observed.startswith("no answer for "), ALONE)
        assert found["spin.http"].truth is Truth.UNKNOWN
        bench.answers.over.set()


def test_what_was_asked_before_a_moment_does_not_count(bench: Bench) -> None:
    with closing(SpinProbe("node1", ALONE, bench.sources, PACE)) as probe:
        until(probe, ready, ALONE)
        later = now_ns() + round(WITHIN * 1e9)
        assert {one.truth for one in probe.look_for(ALONE, later)} == {Truth.UNKNOWN}
        probe.ask_now()
        since, deadline = now_ns(), Deadline.after(WITHIN)
        while not all(one.holds for one in probe.look_for(ALONE, since)):
            assert not deadline.expired
            hold(0.01)


def test_the_first_answer_is_news_once_in_each_life_and_times_begin_anew(bench: Bench) -> None:
    hello = bench.answers.bodies.pop("/hello")
    with closing(SpinProbe("node1", ALONE, bench.sources, PACE)) as probe:
        until(probe, lambda found: found["spin.http"].truth is Truth.FALSE, ALONE)
        bench.answers.bodies["/hello"] = hello
        assert ", cold start " in until(probe, ready, ALONE)["spin.http"].observed
        (mark,) = probe.news()
        assert (mark.stage, mark.source) == (FIRST_ANSWER, "http")
        assert "s after its service came to run" in mark.evidence
        assert probe.news() == []
        timings = probe.timings
        assert timings is not None
        assert timings.cold_start is not None
        bench.answers.bodies.clear()
        bench.started = None
        bench.answers.silent.add("/hello")
        probe.begin_again()
        assert not probe.asked
        bench.answers.silent.clear()
        bench.answers.over.set()
        until(probe, lambda found: found["spin.http"].truth is Truth.FALSE, ALONE)
        assert (probe.timings, probe.news()) == (None, [])
        bench.answers.bodies["/hello"] = (200, b"hello")
        until(probe, ready, ALONE)
        (again,) = probe.news()
        assert again.evidence == "the first answer to GET /hello", "nobody says when its service came to run"
        assert again.at_ns > mark.at_ns


def test_what_nobody_can_ask_is_unknown_and_broken(bench: Bench) -> None:
    nobody = SpinSources(*(Missing(why) for why in ("no Talos", "no Talos", "no Talos", "no kubeconfig", "no door")))
    with closing(SpinProbe("node1", ALL, nobody, PACE)) as probe:
        found = until(probe, lambda found: found["spin.app"].observed == "no kubeconfig", ALL)
        assert {name: one.observed for name, one in found.items()} == {
            "spin.extension": "no Talos",
            "spin.handler": "no Talos",
            "spin.runtime-class": "no kubeconfig",
            "spin.app": "no kubeconfig",
            "spin.http": "no door",
        }
        assert {one.truth for one in found.values()} == {Truth.UNKNOWN}
        assert probe.broken == "no Talos; no kubeconfig; no door"
    with closing(SpinProbe("node1", SpinExpect(extension=None, handler=None), nobody, PACE)) as probe:
        assert (probe.look(), probe.broken) == ((), "")
    for cluster, broken in ((Missing("no kubeconfig"), "no Talos"), (bench.sources.cluster, "")):
        with closing(SpinProbe("node1", SpinExpect(extension=None), replace(nobody, cluster=cluster), PACE)) as probe:
            assert probe.broken == broken, "the cluster tells of handlers too"


def test_a_door_that_is_shut_and_a_talosconfig_that_may_not_read_are_unknown(bench: Bench) -> None:
    def shut(port: int, deadline: Deadline) -> tuple[str, int]:
        raise MissingPart(f"node1 has no door to port {port}", hint="h")

    def forbidden(path: str, deadline: Deadline) -> bytes:
        raise UsageError(f"read {path} needs os:admin", hint="h")

    expect = SpinExpect(extension=None, serves=SERVES)
    sources = replace(bench.sources, cluster=Missing("no kubeconfig"), read=forbidden, reach=shut)
    with closing(SpinProbe("node1", expect, sources, PACE)) as probe:
        found = until(probe, lambda found: all("yet" not in one.observed for one in found.values()), expect)
        assert {one.truth for one in found.values()} == {Truth.UNKNOWN}
        assert found["spin.http"].observed == "node1 has no door to port 3000"
        assert found["spin.handler"].observed == "read /etc/cri/conf.d/10-spin.part needs os:admin"


_PART = b'[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.spin]\n'


def _base(kind: kinds.Kind) -> str:
    """The path of what is asked for of a kind."""
    group = f"/apis/{kind.group}" if kind.group else "/api"
    return f"{group}/{kind.version}/{kind.plural}"
